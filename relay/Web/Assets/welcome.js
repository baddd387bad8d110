// /welcome#SECRET: makes the first passkey by a one-time link. The secret is in the fragment, which
// browsers send to nobody: it is in no log of the relay or of a web server before it.
import { Refusal, create, post, run } from "./passkeys.js";

const secret = location.hash.slice(1);
// Not in the history, nor on a screen that somebody else sees.
history.replaceState(null, "", location.pathname);

run(document.querySelector("#go"), document.querySelector("#said"), async () => {
  if (!secret) throw new Refusal("This address lacks the link's last part: open the link from your message again.");
  const made = await create(await post("welcome/begin", { secret }));
  const { next } = await post("welcome/finish", { ...made, secret });
  location.replace(next);
});
