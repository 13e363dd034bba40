// Two players in step, under one slider. The painted one leads and has the sound.
const LARGEST_DRIFT = 0.08;
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

function run(stage) {
  const card = stage.parentElement;
  const find = (selector) => card.querySelector(selector);
  const [before, after, wipe] = [find(".before"), find(".after"), find(".wipe")];
  const [play, seek, said, mute, full] = ["[data-play]", "[data-seek]", "[data-clock-text]", "[data-mute]", "[data-full]"].map(find);

  const follow = () => {
    if (!before) return;
    const drift = after.currentTime - before.currentTime;
    if (Math.abs(drift) > 0.4 || (after.paused && Math.abs(drift) > 0.001)) before.currentTime = after.currentTime;
    // A seek would stutter: a small drift is made up by speed.
    else before.playbackRate = Math.abs(drift) > LARGEST_DRIFT / 4 ? 1 + Math.max(-0.3, Math.min(0.3, drift * 3)) : 1;
  };
  const show = () => {
    if (after.duration) {
      seek.value = String((1000 * after.currentTime) / after.duration);
      said.textContent = `${clock(after.currentTime)} / ${clock(after.duration)}`;
    }
    follow();
    if (!after.paused) requestAnimationFrame(show);
  };
  const toggle = () => (after.paused ? after.play() : after.pause());

  after.addEventListener("play", () => { before?.play().catch(() => {}); play.textContent = "Pause"; requestAnimationFrame(show); });
  after.addEventListener("pause", () => { before?.pause(); play.textContent = "Play"; show(); });
  after.addEventListener("waiting", () => before?.pause());
  after.addEventListener("playing", () => before?.play().catch(() => {}));
  for (const event of ["loadedmetadata", "seeked", "ended"]) after.addEventListener(event, show);
  before?.addEventListener("error", () => { before.remove(); wipe?.remove(); find(".left")?.remove(); });
  play.addEventListener("click", toggle);
  seek.addEventListener("input", () => { after.currentTime = (seek.value / 1000) * (after.duration || 0); });
  wipe?.addEventListener("input", () => stage.style.setProperty("--wipe", `${wipe.value}%`));
  mute.addEventListener("click", () => {
    after.muted = !after.muted;
    mute.textContent = after.muted ? "Sound" : "Mute";
    mute.setAttribute("aria-pressed", String(after.muted));
  });
  full.addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : stage.requestFullscreen()));
  card.addEventListener("keydown", (event) => {
    if (event.key === " " && event.target.tagName !== "BUTTON") { event.preventDefault(); toggle(); }
  });
  play.disabled = false;
  show();
}

const started = new WeakSet();
function start() {
  for (const stage of document.querySelectorAll("[data-players]")) {
    if (!started.has(stage)) { started.add(stage); run(stage); }
  }
}
start();
document.addEventListener("refreshed", start);
