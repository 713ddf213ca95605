// What the frame around every page does: the menu of narrow screens, and signing out.

import { signOut } from "./api.js";

const menu = document.getElementById("menu");
const sidebar = document.getElementById("sidebar");

function show(open) {
  document.body.classList.toggle("menu-open", open);
  menu.setAttribute("aria-expanded", String(open));
}

menu.addEventListener("click", () => {
  show(menu.getAttribute("aria-expanded") !== "true");
  sidebar.querySelector("a[aria-current]")?.focus();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.body.classList.contains("menu-open")) {
    show(false);
    menu.focus();
  }
});
document.getElementById("sign-out").addEventListener("click", signOut);
