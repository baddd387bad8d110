// /login: logs in by a passkey, then goes where the visitor wanted to go.
import { post, run, use } from "./passkeys.js";

run(document.querySelector("#go"), document.querySelector("#said"), async () => {
  const signed = await use(await post("login/begin", {}));
  const { to } = document.querySelector("#login").dataset;
  const { next } = await post("login/finish", { ...signed, to });
  location.replace(next);
});
