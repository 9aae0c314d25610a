// Makes elements. Text goes in as text: nothing here, or anywhere on this page, parses markup.

const PROPERTIES = new Set(["checked", "disabled", "hidden", "indeterminate", "muted", "open", "required", "selected", "value"]);
const ADDRESSES = new Set(["href", "src", "poster"]);

/** Make an element: h("p", {class: "note", on: {click}}, "text", node, [more]). */
export function h(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  const { on = {}, data = {}, ...rest } = properties;
  for (const [name, value] of Object.entries(rest)) set(made, name, value);
  for (const [name, value] of Object.entries(data)) made.dataset[name] = value;
  for (const [name, listener] of Object.entries(on)) made.addEventListener(name, listener);
  made.append(...shown(children));
  return made;
}

const shown = (children) => children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);

/** Set one attribute or property; null and false take an attribute away. */
function set(element, name, value) {
  if (PROPERTIES.has(name)) element[name] = value ?? "";
  else if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (ADDRESSES.has(name) && !isOurs(String(value))) throw new Error(`${name} leads elsewhere`);
  else element.setAttribute(name, value === true ? "" : String(value));
}

// Results come from this server, files from this browser: no address of a provider is ever followed.
function isOurs(address) {
  if (address.startsWith("blob:")) return true;
  return new URL(address, document.baseURI).origin === location.origin;
}

/** Put children in the place of what an element has. */
export function fill(element, ...children) {
  element.replaceChildren(...shown(children));
  return element;
}

/** Say something to whoever listens to the page instead of seeing it. */
export function say(text) {
  const place = document.getElementById("said");
  place.textContent = "";
  // A text that stays the same is not read again, so it goes away for a moment.
  setTimeout(() => { place.textContent = text; }, 30);
}

let numbers = 0;

/** Return an id that nothing else on the page has. */
export function fresh(prefix = "n") {
  numbers += 1;
  return `${prefix}-${numbers}`;
}

/** A label with its control, and a hint below it. */
export function field(label, control, { hint = null } = {}) {
  control.id ||= fresh("field");
  const note = hint && h("p", { class: "hint", id: `${control.id}-hint` }, hint);
  if (note) control.setAttribute("aria-describedby", note.id);
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control, note);
}

/** A select of [value, label] pairs. */
export function select(options, properties = {}) {
  return h("select", properties, options.map(([value, label]) => h("option", { value }, label)));
}

/** A table of rows under their names; what has no name holds actions. */
export function table(label, names, rows = [], properties = {}) {
  return h("table", { role: "table", "aria-label": label, ...properties },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, names.map((name) => h("th", { role: "columnheader", scope: "col" },
      name || h("span", { class: "unseen" }, "Actions"))))),
    h("tbody", { role: "rowgroup" }, rows));
}

/** A row of a table: [name, content] of each cell. */
export function row(cells, properties = {}) {
  return h("tr", { role: "row", ...properties }, cells.map(([name, ...content]) => h("td", { role: "cell", data: { name } }, content)));
}

/** A table of texts, which others may have written. */
export function textTable(label, names, texts, properties = {}) {
  const made = table(label, names, texts.map((cells) => row(cells.map((text, number) => [names[number], text]))), properties);
  for (const cell of made.querySelectorAll("td")) cell.className = "words";
  return made;
}

/** What is shown where there is nothing yet. */
export function empty(title, text, ...more) {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), h("p", {}, text), more);
}

/** What is shown where something went wrong. */
export function failure(error, again = null) {
  return h("div", { class: "failure", role: "alert" },
    h("p", { class: "failure-title" }, "That did not work"),
    h("p", { class: "words" }, error.message || String(error)),
    (error.hints || []).map((hint) => h("p", { class: "hint words" }, hint)),
    again && h("button", { type: "button", class: "quiet", on: { click: again } }, "Try again"));
}

/** What is shown while something is on its way. */
export function waiting(text = "Loading…") {
  return h("p", { class: "waiting" }, text);
}
