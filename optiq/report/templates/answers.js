"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const pieces = JSON.parse(document.getElementById("pieces").textContent);
  const drawings = document.querySelectorAll("template.drawing-of");
  for (const [field, { values, of }] of Object.entries(data.choices)) data.rows[field] = of.map((place) => values[place]);
  const fields = Object.keys(data.rows);
  const number = fields.length ? data.rows[fields[0]].length : 0;
  const rows = Array.from({ length: number }, (_, i) => {
    const row = { place: i };
    for (const field of fields) row[field] = data.rows[field][i];
    return row;
  });

  // Figures with three digits, money in the unit that makes it readable: as the reports write them.
  const figure = (value) => {
    if (value === null || value === undefined) return "–";
    if (value === 0) return "0";
    const size = Math.floor(Math.log10(Math.abs(value)));
    if (size < -4) return value.toExponential(2);
    return value.toLocaleString("en", { minimumFractionDigits: Math.max(0, 2 - size), maximumFractionDigits: Math.max(0, 2 - size) });
  };
  const usd = (value) => {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    if (size > 0 && size < 1e-3) return `${figure(value * 1e6)} µUSD`;
    return size > 0 && size < 1 ? `${figure(value * 1e3)} mUSD` : `${figure(value)} USD`;
  };
  const shown = { number: figure, usd, seconds: (value) => (value === null || value === undefined ? "–" : `${figure(value)} s`) };

  const element = (name, text, ...inside) => {
    const made = document.createElement(name);
    if (text !== null && text !== undefined) made.textContent = text;
    made.append(...inside);
    return made;
  };

  // What stands under a heading of figures: "< 0.5", ">= 2", "1..3", "= 0".
  const wanted = (text) => {
    const between = text.match(/^\s*(-?[\d.e+-]+?)\s*\.\.\s*(-?[\d.e+-]+)\s*$/i);
    if (between) return (value) => value >= Number(between[1]) && value <= Number(between[2]);
    const told = text.match(/^\s*(<=|>=|<|>|=|)\s*(-?[\d.e+-]+)\s*$/i);
    if (!told || Number.isNaN(Number(told[2]))) return () => true;
    const limit = Number(told[2]);
    return { "<": (v) => v < limit, "<=": (v) => v <= limit, ">": (v) => v > limit, ">=": (v) => v >= limit,
      "=": (v) => v === limit, "": (v) => v >= limit }[told[1]];
  };
  const compiled = new Map();
  const byFigure = (text, value) => {
    if (!compiled.has(text)) compiled.set(text, wanted(text));
    return value !== null && value !== undefined && compiled.get(text)(value);
  };
  const byWords = (text, value) => {
    const whole = (value ?? "").toLowerCase();
    return text.toLowerCase().split(/\s+/).every((word) => whole.includes(word));
  };

  const narrow = window.innerWidth < 700;
  const columns = data.columns.map((column) => {
    const figures = column.kind in shown;
    const made = { field: column.field, title: column.title, headerSortStartingDir: figures ? "desc" : "asc",
      visible: !(narrow && column.wide), minWidth: 90, sorterParams: { alignEmptyValues: "bottom" } };
    if (column.field === "id") Object.assign(made, { width: 78 });
    if (column.grow) Object.assign(made, { widthGrow: column.grow, minWidth: narrow ? 130 : 80 + 45 * column.grow });
    made.formatter = (cell) => {
      const value = cell.getValue();
      const span = element("bdi", figures ? shown[column.kind](value) : (value ?? "–"));
      if (column.field === "status" && value !== "answered") span.className = "bad";
      if (column.field.startsWith("qoa") && value !== null && value < 0.5) span.className = "bad";
      if (column.field === "change" && value) span.className = value < 0 ? "bad" : "good";
      return span;
    };
    made.sorter = figures ? "number" : "string";
    if (figures) Object.assign(made, { hozAlign: "right", headerHozAlign: "right", headerFilter: "input", headerFilterFunc: byFigure,
      headerFilterPlaceholder: "< > ..", width: column.kind === "number" ? 84 : 116 });
    else if (column.kind === "choice") {
      const values = data.choices[column.field].values.filter((value) => value !== null);
      // A label of our own: the library would take text for markup.
      Object.assign(made, { headerFilter: "list", headerFilterFunc: "=", headerFilterParams: { clearable: true,
        values: values.map((value) => ({ label: value, value })), itemFormatter: (label) => element("span", label) } });
    } else Object.assign(made, { headerFilter: "input", headerFilterFunc: byWords });
    return made;
  });

  let pick = null;
  let words = [];
  const searched = data.columns.filter((column) => column.kind === "text").map((column) => column.field);
  const lower = new Array(number).fill(null);
  const textOf = (row) => (lower[row.place] ??= searched.map((field) => row[field] ?? "").join("\n").toLowerCase());
  // While nothing else is to do, so that the first words that somebody looks for are found as soon as later ones.
  const prepare = (next) => (time) => {
    const least = time.didTimeout ? next + 2000 : next;
    while (next < number && (next < least || time.timeRemaining() > 1)) textOf(rows[next++]);
    if (next < number) requestIdleCallback(prepare(next), { timeout: 100 });
  };
  const passes = (row) => {
    if (pick && pick.only && !row[pick.only]) return false;
    if (!words.length) return true;
    const whole = textOf(row);
    return words.every((word) => whole.includes(word));
  };

  const table = new Tabulator("#table", {
    data: rows, columns, index: "place", height: Math.max(320, Math.min(window.innerHeight - (narrow ? 150 : 210), 900)), rowHeight: 36,
    layout: "fitColumns", headerFilterLiveFilterDelay: 60, renderHorizontal: "basic", headerSortTristate: true, selectableRows: false,
    placeholder: () => element("span", "No answer is like this."), autoResize: true, columnDefaults: { resizable: "header" },
    rowFormatter: (row) => { row.getElement().tabIndex = 0; },
  });
  const count = document.getElementById("count");
  // Not by the rows that "dataFiltered" hands out: making those takes longer than filtering.
  table.on("renderComplete", () => {
    count.textContent = `${table.getDataCount("active").toLocaleString("en")} of ${number.toLocaleString("en")}`;
  });
  table.on("tableBuilt", () => {
    table.setFilter(passes);
    document.documentElement.dataset.drawn = String(number);
    openFromAddress();
    if (window.requestIdleCallback) requestIdleCallback(prepare(0), { timeout: 100 });
  });
  table.on("rowClick", (_, row) => open(row.getData().place));
  document.getElementById("table").addEventListener("keydown", (event) => {
    const line = event.target.closest(".tabulator-row");
    if (event.key !== "Enter" || !line) return;
    const found = table.getRows("visible").find((row) => row.getElement() === line);
    if (found) open(found.getData().place);
  });

  const buttons = data.picks.map((one) => {
    const button = element("button", one.name);
    button.type = "button";
    button.addEventListener("click", () => choose(one));
    document.getElementById("picks").append(button);
    return button;
  });
  const choose = (one) => {
    pick = one;
    buttons.forEach((button, place) => button.setAttribute("aria-pressed", String(data.picks[place] === one)));
    table.setFilter(passes);
    if (one.order) table.setSort(one.order, one.descending ? "desc" : "asc");
    else table.clearSort();
  };
  buttons.forEach((button, place) => button.setAttribute("aria-pressed", String(place === 0)));
  // The first letter, or all at once, is looked for as it comes; while somebody types, once they pause.
  let timer = 0;
  let typed = -Infinity;
  document.getElementById("search").addEventListener("input", (event) => {
    const look = () => {
      words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
      table.setFilter(passes);
    };
    clearTimeout(timer);
    const pause = performance.now() - typed;
    typed = performance.now();
    if (pause > 300) look();
    else timer = setTimeout(look, 60);
  });

  // The texts of some answers are packed together and unpacked when one of them is looked at.
  const unpacked = new Map();
  const detail = async (place) => {
    const piece = Math.floor(place / data.piece);
    if (!unpacked.has(piece)) {
      const bytes = Uint8Array.from(atob(pieces[piece]), (letter) => letter.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      unpacked.set(piece, JSON.parse(await new Response(stream).text()));
    }
    return unpacked.get(piece)[place % data.piece];
  };

  const drawer = document.getElementById("drawer");
  let current = null;
  const pairs = (told) => {
    const list = element("dl");
    for (const [name, value] of told) {
      if (value === null || value === undefined || value === "") continue;
      list.append(element("div", null, element("dt", name), element("dd", null, element("bdi", value))));
    }
    return list;
  };
  const block = (title, text) => [element("p", title), element("pre", text)];
  const node = (call) => {
    const box = element("section", null, element("h4", call.title), element("div", call.figures));
    box.className = "node";
    if (call.prompt !== null) box.append(...block(call.prompt_title, call.prompt));
    if (call.thinking) box.append(...block("thought", call.thinking));
    if (call.error) box.append(...block("error", call.error));
    else box.append(...block("output", call.output || "(empty)"));
    return box;
  };
  const side = (one) => {
    const parts = [];
    if (one.name) parts.push(element("h3", one.name));
    parts.push(pairs(one.facts));
    if (one.figures.length) {
      const head = element("tr", null, ...["", "predicted", "observed"].map((text, i) => {
        const cell = element("th", text);
        cell.scope = "col";
        if (i) cell.className = "n";
        return cell;
      }));
      const body = element("tbody", null, ...one.figures.map(([name, predicted, observed]) => {
        const first = element("th", name);
        first.scope = "row";
        const cells = [predicted, observed].map((text) => { const cell = element("td", text); cell.className = "n"; return cell; });
        return element("tr", null, first, ...cells);
      }));
      parts.push(element("table", null, element("thead", null, head), body));
    }
    for (const execution of one.executions) {
      parts.push(element("h3", execution.plan));
      const place = data.drawings[execution.plan];
      if (place !== undefined) {
        const drawing = element("div", null, drawings[place].content.cloneNode(true));
        drawing.className = "drawing";
        parts.push(drawing);
      }
      parts.push(pairs(execution.facts), ...execution.calls.map(node));
    }
    return parts;
  };
  const shownOrder = () => table.getRows("active").map((row) => row.getData().place);
  const step = (by) => {
    const order = shownOrder();
    const at = order.indexOf(current);
    const next = order[at + by];
    if (at >= 0 && next !== undefined) open(next);
  };
  const close = () => {
    drawer.hidden = true;
    current = null;
    history.replaceState(null, "", "#");
  };
  const open = async (place) => {
    const told = await detail(place);
    const row = rows[place];
    const button = (text, label, act) => {
      const made = element("button", text);
      made.type = "button";
      made.setAttribute("aria-label", label);
      made.addEventListener("click", act);
      return made;
    };
    const top = element("div", null, element("span", told.id), button("↑", "The answer before", () => step(-1)),
      button("↓", "The next answer", () => step(1)), button("✕", "Close", close));
    top.className = "top";
    const title = element("h2", told.question);
    title.id = "drawer-title";
    drawer.replaceChildren(top, title, pairs(told.facts), ...told.sides.flatMap(side),
      element("p", "Why this plan, and what plans did on the same question in other runs:"),
      ...told.commands.map((command) => element("pre", command)));
    drawer.hidden = false;
    drawer.scrollTop = 0;
    drawer.focus();
    current = row.place;
    history.replaceState(null, "", `#${place + 1}`);
  };
  document.addEventListener("keydown", (event) => {
    if (drawer.hidden) return;
    if (event.key === "Escape") close();
    else if (event.key === "ArrowDown" && event.altKey) step(1);
    else if (event.key === "ArrowUp" && event.altKey) step(-1);
  });
  const openFromAddress = () => {
    const place = Number(location.hash.slice(1)) - 1;
    if (Number.isInteger(place) && place >= 0 && place < number) open(place);
  };
})();
