// Sends one file to storage in blocks, several at a time. What was sent is found again after a lost
// connection, and after the page was closed when the same file is dropped again.
const SMALLEST = 4 << 20;
const MOST_BLOCKS = 5000;
const PARALLEL = 4;
const LONGEST_PAUSE = 15000;
const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

export async function call(path, body) {
  const headers = { "content-type": "application/json", "x-form-token": document.querySelector("meta[name=form-token]").content };
  const answer = await fetch(`/api/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(said.error ?? `the service answered ${answer.status}`), { refused: answer.status < 500 });
  return said;
}

const online = () => (navigator.onLine ? new Promise(() => {}) : new Promise((done) => { window.addEventListener("online", done, { once: true }); }));

export class Upload {
  constructor(file, { progress }) {
    this.file = file;
    this.tell = progress;
    this.stopped = false;
    this.requests = new Set();
    this.size = Math.max(SMALLEST, Math.ceil(file.size / MOST_BLOCKS));
  }

  stop() {
    this.stopped = true;
    for (const request of this.requests) request.abort();
  }

  async send(asked) {
    this.asked = asked;
    this.key = `upload ${JSON.stringify([asked.workload, asked.model, asked.name, this.file.size, this.file.lastModified])}`;
    const kept = JSON.parse(localStorage.getItem(this.key) ?? "null");
    this.blob = kept?.blob;
    this.id = kept?.id ?? crypto.randomUUID().slice(0, 8);
    await this.renew();
    localStorage.setItem(this.key, JSON.stringify({ blob: this.blob, id: this.id }));
    const count = Math.max(1, Math.ceil(this.file.size / this.size));
    this.blocks = Array.from({ length: count }, (_, number) => btoa(`${this.id}-${String(number).padStart(6, "0")}`));
    const there = kept ? await this.listed() : new Set();
    this.sent = this.blocks.map((block, number) => (there.has(block) ? this.bytes(number) : 0));
    this.resumed = there.size > 0;
    const left = [...this.blocks.keys()].filter((number) => !there.has(this.blocks[number]));
    await Promise.all(Array.from({ length: PARALLEL }, async () => {
      while (left.length && !this.stopped) await this.block(left.shift());
    }));
    if (this.stopped) throw new Error("stopped; drop it again to go on");
    await this.commit();
    localStorage.removeItem(this.key);
    return this.blob;
  }

  bytes(number) { return Math.min(this.size, this.file.size - number * this.size); }

  async renew() {
    const asking = () => call("/uploads", { ...this.asked, ...(this.blob ? { blob: this.blob } : {}) });
    const { blob, link } = await this.insist(async () => {
      try { return await asking(); } catch (error) {
        if (!this.blob || !error.refused) throw error;
        this.blob = undefined; // somebody has dropped a file of that name meanwhile
        return asking();
      }
    });
    [this.blob, this.link] = [blob, link];
  }

  async listed() {
    const answer = await this.insist(() => fetch(`${this.link}&comp=blocklist&blocklisttype=uncommitted`, { cache: "no-store" }));
    if (!answer.ok) return new Set();
    const found = new DOMParser().parseFromString(await answer.text(), "text/xml");
    return new Set([...found.querySelectorAll("Block > Name")].map((name) => name.textContent));
  }

  async block(number) {
    const from = number * this.size;
    const part = this.file.slice(from, from + this.size);
    await this.insist(() => this.put(`&comp=block&blockid=${encodeURIComponent(this.blocks[number])}`, part, number));
  }

  async commit() {
    const list = `<?xml version="1.0" encoding="utf-8"?><BlockList>${this.blocks.map((b) => `<Uncommitted>${b}</Uncommitted>`).join("")}</BlockList>`;
    const kind = this.file.type || "application/octet-stream";
    await this.insist(() => this.put("&comp=blocklist", list, null, { "if-none-match": "*", "x-ms-blob-content-type": kind }));
  }

  put(query, body, number, headers = {}) {
    return new Promise((done, failed) => {
      const request = new XMLHttpRequest();
      this.requests.add(request);
      request.open("PUT", this.link + query);
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.timeout = 120000;
      if (number !== null) request.upload.addEventListener("progress", (event) => this.progress(number, event.loaded));
      request.addEventListener("loadend", () => {
        this.requests.delete(request);
        if (request.status >= 200 && request.status < 300) {
          if (number !== null) this.progress(number, this.bytes(number));
          done();
          return;
        }
        if (number !== null) this.progress(number, 0);
        const error = new Error(request.status ? `storage answered ${request.status}` : "the connection is lost");
        failed(Object.assign(error, { status: request.status, refused: [400, 404, 409, 412, 413].includes(request.status) }));
      });
      request.send(body);
    });
  }

  // Tries until it succeeds, is refused, or the person stops it.
  async insist(act) {
    for (let wait = 500; ; wait = Math.min(LONGEST_PAUSE, wait * 2)) {
      try { return await act(); } catch (error) {
        if (this.stopped) throw new Error("stopped; drop it again to go on", { cause: error });
        if (error.refused) throw error;
        this.tell(this.share(), navigator.onLine ? `${error.message}; trying again` : "offline; goes on by itself");
        await Promise.race([online(), pause(wait * (0.75 + Math.random() / 2))]);
        if (error.status === 403) await this.renew();
      }
    }
  }

  share() { return this.sent && this.file.size ? this.sent.reduce((a, b) => a + b, 0) / this.file.size : 0; }

  progress(number, bytes) {
    this.sent[number] = bytes;
    this.began ??= { at: Date.now(), sent: this.share() };
    const seconds = (Date.now() - this.began.at) / 1000;
    const rate = seconds > 1 ? (this.share() - this.began.sent) / seconds : 0;
    const left = rate > 0 ? Math.ceil((1 - this.share()) / rate) : null;
    this.tell(this.share(), `${this.resumed ? "goes on where it was; " : ""}${left === null ? "sending" : `${left} s left`}`);
  }
}
