"use strict";
(() => {
  const main = document.querySelector("main");
  const find = document.getElementById("find");
  if (find) {
    const findings = [...main.querySelectorAll(".finding")].map((one) => [one, one.textContent.toLowerCase()]);
    const groups = [...main.querySelectorAll(".many")];
    const levels = [...main.querySelectorAll(".level")];
    const shown = document.getElementById("shown");
    const unfold = document.getElementById("unfold");
    const items = [...main.querySelectorAll(".item")].map((item) => [item, [item, ...item.querySelectorAll(".finding")]
      .filter((one) => one.matches(".finding"))]);
    const count = () => {
      let number = 0;
      for (const [item, inside] of items)
        if (item.checkVisibility()) number += inside.filter((one) => !one.hidden).length;
      shown.textContent = number === findings.length ? "" : `${number} of ${findings.length} shown`;
    };
    const search = () => {
      const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const [one, text] of findings) one.hidden = !words.every((word) => text.includes(word));
      for (const one of [...groups, ...levels]) one.hidden = !one.querySelector(".finding:not([hidden])");
      count();
    };
    find.addEventListener("input", search);
    main.querySelector(".filters").addEventListener("change", count);
    main.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
    unfold.addEventListener("click", () => {
      const open = unfold.textContent === "Open all";
      for (const one of main.querySelectorAll("#findings details")) one.open = open;
      unfold.textContent = open ? "Close all" : "Open all";
    });
    for (const one of document.querySelectorAll(".scripted")) one.hidden = false;
    search();
  }
  const closed = [];
  addEventListener("beforeprint", () => {
    for (const one of main.querySelectorAll("details:not([open])")) { closed.push(one); one.open = true; }
  });
  addEventListener("afterprint", () => { for (const one of closed.splice(0)) one.open = false; });
  const reveal = () => {
    for (let one = document.getElementById(location.hash.slice(1)); one; one = one.parentElement)
      if (one.localName === "details") one.open = true;
  };
  addEventListener("hashchange", reveal);
  reveal();
})();
