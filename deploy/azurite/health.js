// Docker's health check. It kills Azurite if it hasn't answered for three minutes, because Docker
// restarts containers that have ended, but not those that are unhealthy.
const fs = require("fs");

const ANSWERED = "/tmp/answered";
const LIMIT_MS = 180_000;

function azurite() {
  const others = fs.readdirSync("/proc").filter((name) => Number(name) > 1);
  const running = (pid) => {
    try {
      return fs.readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("azurite.js");
    } catch {
      return false; // it has ended meanwhile
    }
  };
  return others.filter(running).map(Number);
}

const asked = [10000, 10001].map((port) =>
  fetch(`http://127.0.0.1:${port}`, { signal: AbortSignal.timeout(20_000) }),
);
Promise.all(asked).then(
  () => fs.writeFileSync(ANSWERED, ""),
  () => {
    if (fs.existsSync(ANSWERED) && Date.now() - fs.statSync(ANSWERED).mtimeMs > LIMIT_MS) {
      azurite().forEach((pid) => process.kill(pid, "SIGKILL"));
    }
    process.exitCode = 1;
  },
);
