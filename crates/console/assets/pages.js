
// --- Lists with a selection

const boxes = () => every("main tbody input[type=checkbox][name=id]");

// The letter in whose row the focus is; false where there is none.
function choose() {
  const box = document.activeElement.closest("tr")?.querySelector("input[type=checkbox]");
  if (!box) return false;
  box.checked = !box.checked;
  box.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}

function count() {
  const chosen = boxes().filter((box) => box.checked).length;
  const told = document.querySelector("[data-chosen]");
  if (told) told.textContent = chosen ? `${chosen} selected` : "selected";
  const all = document.querySelector("thead th.pick input");
  if (all) Object.assign(all, { checked: chosen > 0 && chosen === boxes().length, indeterminate: chosen > 0 && chosen < boxes().length });
}

const head = document.querySelector("thead th.pick");
if (head && boxes().length) {
  const all = Object.assign(document.createElement("input"), { type: "checkbox", ariaLabel: "Choose all of this page" });
  all.addEventListener("change", () => {
    boxes().forEach((box) => { box.checked = all.checked; });
    count();
  });
  head.replaceChildren(all);
  document.addEventListener("change", (event) => { if (event.target !== all) count(); });
  count();
}
