// The text of an event stream (HTML Standard 9.2.6), piece by piece as it comes.

export interface StreamEvent {
  id: string;
  name: string;
  data: string;
}

export class EventReader {
  #rest = "";
  #id = "";
  #name = "";
  #data: string[] = [];

  // The events that are complete with this piece, which may begin and end anywhere.
  feed(piece: string): StreamEvent[] {
    const events: StreamEvent[] = [];
    const text = this.#rest + piece;
    const ends = /[\r\n]/g;
    ends.lastIndex = Math.max(this.#rest.length - 1, 0); // before it there is none
    let at = 0;
    for (;;) {
      const stop = ends.exec(text)?.index ?? -1;
      if (stop < 0) break;
      // A CR at the very end may be the first half of a CR LF.
      if (text[stop] === "\r" && stop + 1 === text.length) break;
      this.#line(text.slice(at, stop), events);
      at = stop + (text[stop] === "\r" && text[stop + 1] === "\n" ? 2 : 1);
      ends.lastIndex = at;
    }
    this.#rest = text.slice(at);
    return events;
  }

  #line(line: string, events: StreamEvent[]): void {
    if (line === "") {
      if (this.#data.length > 0)
        events.push({ id: this.#id, name: this.#name || "message", data: this.#data.join("\n") });
      this.#name = "";
      this.#data = [];
      return;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#name = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
  }
}
