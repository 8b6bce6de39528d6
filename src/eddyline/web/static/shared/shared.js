// The page of a share link: only the player.

import { createPlayer } from "/static/asset/player.js";

const element = document.getElementById("player");
createPlayer(element, JSON.parse(element.dataset.facts));
