// Tabs (WAI-ARIA practices): arrow keys select; `onShow` and `onHide` have functions by the id of a panel.

export function tabs(root, onShow = {}, onHide = {}) {
  const all = [...root.querySelectorAll("[role=tab]")];
  const panelOf = (tab) => document.getElementById(tab.getAttribute("aria-controls"));
  const select = (tab) => {
    for (const each of all) {
      const chosen = each === tab;
      const panel = panelOf(each);
      if (!chosen && !panel.hidden) onHide[panel.id]?.();
      each.setAttribute("aria-selected", String(chosen));
      each.tabIndex = chosen ? 0 : -1;
      panel.hidden = !chosen;
    }
    onShow[panelOf(tab).id]?.();
  };
  for (const tab of all) {
    tab.addEventListener("click", () => select(tab));
    tab.addEventListener("keydown", ({ key }) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (!by) return;
      const next = all[(all.indexOf(tab) + by + all.length) % all.length];
      select(next);
      next.focus();
    });
  }
}
