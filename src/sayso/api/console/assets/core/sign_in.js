// A link's token comes behind the address's "#", which no server and no log sees; it leaves the address at once.

const token = new URLSearchParams(location.hash.slice(1)).get("link");
if (token) {
  history.replaceState(null, "", location.pathname + location.search);
  const form = document.getElementById("by-link");
  form.elements.link.value = token;
  form.submit();
} else {
  document.getElementById("key").focus();
}
