// Passkeys in a browser (WebAuthn): what the pages' scripts share. Flow: the relay's options →
// navigator.credentials → a form for the relay. Bytes are base64url on the way.

/** The relay's pages: this file is at web/ below them. */
const base = new URL("../", import.meta.url);

/** Why the relay, or the browser, refused; its message is for people. */
export class Refusal extends Error {}

/** Sends a form to the relay, and gives its answer. */
export async function post(path, fields) {
  let answer;
  try {
    answer = await fetch(new URL(path, base), {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams(fields),
    });
  } catch {
    throw new Refusal("The relay cannot be reached: check your network, then try again.");
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refusal(said.error ?? `The relay answered with status ${answer.status}.`);
  return said;
}

/** Whether this page may use passkeys; if not, why. */
export function obstacle() {
  if (!window.isSecureContext) return "Passkeys work at https:// or localhost only: see the relay's URL.";
  if (!window.PublicKeyCredential) return "This browser has no passkeys: use a newer one.";
  return null;
}

/** Makes a passkey; gives the fields of the relay's form. */
export async function create(options) {
  const credential = await asked(() => navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: bytes(options.challenge),
      user: { ...options.user, id: bytes(options.user.id) },
      excludeCredentials: options.excludeCredentials.map((known) => ({ ...known, id: bytes(known.id) })),
    },
  }));
  const { response } = credential;
  if (!response.getAuthenticatorData) throw new Refusal("This browser is too old for passkeys here.");
  return {
    clientData: text(response.clientDataJSON),
    authenticatorData: text(response.getAuthenticatorData()),
  };
}

/** Uses a passkey; gives the fields of the relay's form. */
export async function use(options) {
  const credential = await asked(() => navigator.credentials.get({
    publicKey: { ...options, challenge: bytes(options.challenge) },
  }));
  const { response } = credential;
  return {
    id: text(credential.rawId),
    clientData: text(response.clientDataJSON),
    authenticatorData: text(response.authenticatorData),
    signature: text(response.signature),
    userHandle: text(response.userHandle ?? new ArrayBuffer(0)),
  };
}

/** Has a button do `work` once at a time, and says why it failed. */
export function run(button, said, work) {
  const why = obstacle();
  if (why) return say(said, why);
  button.disabled = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    said.hidden = true;
    try {
      await work();
    } catch (error) {
      say(said, error instanceof Refusal ? error.message : `This did not work: ${error.message}`);
      button.disabled = false;
    }
  });
}

function say(place, sentence) {
  place.textContent = sentence;
  place.hidden = false;
}

/** What the browser answers; its refusals in words. */
async function asked(ask) {
  try {
    const credential = await ask();
    if (credential) return credential;
  } catch (error) {
    if (error.name === "InvalidStateError") throw new Refusal("This device has a passkey for this relay already: log in with it.");
    if (error.name === "SecurityError") throw new Refusal("The browser allows no passkeys at this address: see the relay's URL.");
    if (error.name !== "NotAllowedError" && error.name !== "AbortError") throw error;
  }
  throw new Refusal("Nothing was done: the browser's question was closed, or took too long.");
}

function bytes(text) {
  const plain = text.replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(plain), (sign) => sign.charCodeAt(0));
}

function text(buffer) {
  const signs = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(signs).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
