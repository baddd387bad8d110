// /approvals and /approve/ID: counts down the time that is left. The pages work without it.
const start = performance.now();
const clocks = [...document.querySelectorAll("[data-expires]")];

function tick() {
  for (const clock of clocks) {
    const left = Math.ceil(clock.dataset.expires - (performance.now() - start) / 1000);
    const minutes = Math.floor(left / 60);
    clock.textContent = left > 0
      ? `in ${minutes}:${String(left % 60).padStart(2, "0")}` : "expired: reload the page";
  }
}

if (clocks.length) {
  tick();
  setInterval(tick, 1000);
}
