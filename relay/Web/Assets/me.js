// /: adds a passkey, and copies lines.
import { create, post, run } from "./passkeys.js";

const add = document.querySelector("#add");
run(add, document.querySelector("#said"), async () => {
  const { token } = add.dataset;
  const made = await create(await post("passkeys/begin", { token }));
  const { next } = await post("passkeys/finish", { ...made, token });
  location.replace(next);
});

for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
  });
}
