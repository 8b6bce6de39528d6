// Arrow keys move between the posters of the grid; "/" goes to the search.

export function gridKeys(grid, search) {
  grid.addEventListener("keydown", (event) => {
    const here = event.target.closest(".poster");
    if (!here || event.ctrlKey || event.metaKey || event.altKey) return;
    const posters = [...grid.querySelectorAll(".poster")];
    const to = posters[target(event.key, posters, posters.indexOf(here))];
    if (!to) return;
    event.preventDefault();
    to.focus();
    to.scrollIntoView({ block: "nearest" });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.closest("input, textarea, select, dialog")) return;
    event.preventDefault();
    search.focus();
    search.select();
  });
}

function target(key, posters, at) {
  if (key === "ArrowRight") return at + 1;
  if (key === "ArrowLeft") return at - 1;
  if (key === "Home") return 0;
  if (key === "End") return posters.length - 1;
  const columns = columnsOf(posters);
  if (key === "ArrowDown") return Math.min(at + columns, at + columns < posters.length ? Infinity : -1);
  if (key === "ArrowUp") return at - columns;
  return -1;
}

function columnsOf(posters) {
  const top = posters[0].getBoundingClientRect().top;
  const next = posters.findIndex((each) => each.getBoundingClientRect().top > top + 4);
  return next < 0 ? posters.length : next;
}
