"use strict";
(() => {
  // The log as it is written: new entries come on top of those that are there.
  const rows = document.querySelector("[data-live]");
  const state = document.getElementById("live-state");
  if (!rows || !state || !window.EventSource) return;
  const most = 200;
  const labels = [...rows.parentElement.querySelectorAll("thead th")].map((head) => head.textContent);
  const add = (parent, name, text, className) => {
    const element = document.createElement(name);
    element.textContent = text;
    if (className) element.className = className;
    parent.append(element);
    return element;
  };
  const cell = (row, label, first, second) => {
    const made = add(row, "td", first);
    made.dataset.label = label;
    if (second) {
      add(made, "br", "");
      made.append(second);
    }
    return made;
  };
  const show = (line) => {
    const row = document.createElement("tr");
    const head = add(row, "th", "");
    head.scope = "row";
    const link = add(head, "a", "");
    link.href = "/log/entry/" + encodeURIComponent(line.id);
    add(link, "time", line.when).dateTime = line.at;
    const what = add(row, "td", "");
    add(what, "span", line.action, "state " + line.class);
    if (line.because) {
      add(what, "br", "");
      what.append(line.because);
    }
    cell(row, labels[2], line.place, line.address);
    cell(row, labels[3], line.site);
    cell(row, labels[4], line.who);
    add(cell(row, labels[5], ""), "span", line.reference, "code");
    rows.prepend(row);
    while (rows.children.length > most) rows.lastElementChild.remove();
  };
  const source = new EventSource(rows.dataset.live);
  const end = () => {
    source.close();
    state.textContent = state.dataset.ended;
  };
  source.onopen = () => (state.textContent = state.dataset.running);
  source.addEventListener("entries", (event) => JSON.parse(event.data).forEach(show));
  source.addEventListener("end", end);
  source.onerror = end;
})();
