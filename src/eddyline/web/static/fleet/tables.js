// Tables: the alternative of each chart (the rows of its CSV), and the tables of groups and machines.

/** Fills a table: `columns` are {name, text(row), number, cell(row)}; `rows` any values. */
export function fill(table, columns, rows, caption = "") {
  table.replaceChildren();
  if (caption) {
    const title = table.createCaption();
    title.className = "visually-hidden";
    title.textContent = caption;
  }
  const head = table.createTHead().insertRow();
  for (const column of columns) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = column.name;
    if (column.number) cell.className = "number";
    head.append(cell);
  }
  append(table.createTBody(), columns, rows);
}

/** Appends rows to the body of a table. */
export function append(body, columns, rows) {
  for (const row of rows) {
    const line = body.insertRow();
    columns.forEach((column, at) => {
      const cell = at === 0 ? document.createElement("th") : document.createElement("td");
      if (at === 0) cell.scope = "row";
      if (column.number) cell.className = "number";
      const content = column.cell ? column.cell(row) : column.text(row);
      cell.append(content);
      line.append(cell);
    });
  }
}

/** Builds the table of a chart only when it is opened, and again when its data change. */
export function lazyTable(figure, build) {
  const details = figure.querySelector("details");
  const table = details.querySelector("table");
  const update = () => {
    if (details.open) build(table);
    else table.replaceChildren();
  };
  details.ontoggle = update;
  update();
}
