/**
 * A reader of the subset of YAML in which DeepLabCut, YOLO and SLEAP write their configuration: mappings, lists, plain
 * and quoted scalars, anchors and aliases. Every scalar is read as text; an empty one is null. The value of a top-level
 * key is parsed lazily, so that unsupported YAML under other keys (scripts, file names as keys) causes no error.
 */

/** An error for invalid YAML, or for YAML that this reader does not support. Its message is shown to the user. */
export class YamlError extends Error {}

const KEY =
  /^("[^"\\]*(?:\\.[^"\\]*)*"|'[^']*(?:''[^']*)*'|[^\s"'[\]{},#&*!|>%@`?:-](?:[^\s:]|:(?=\S)|[ \t]+(?![#\s]))*|[?:-][^\s](?:[^\s:]|:(?=\S)|[ \t]+(?![#\s]))*)\s*:(?=\s|$)/;
const ITEM = /^-(?=\s|$)/;
/** @type {Record<string, string>} */
const ESCAPES = {
  n: "\n",
  t: "\t",
  r: "\r",
  0: "\0",
  b: "\b",
  f: "\f",
  e: "\x1b",
  " ": " ",
  _: "\xa0",
  N: "\x85",
  L: "\u2028",
  P: "\u2029",
};

/** @param {number} code @returns {string} the replacement character for a number that is no character */
const characterOf = (code) => String.fromCodePoint(code > 0 && code <= 0x10ffff ? code : 0xfffd);

/** @param {string} text of a quoted scalar, with its quotes */
function unquoted(text) {
  // One line break becomes a space, n > 1 become n - 1 line breaks. In double quotes, a backslash removes the line
  // break after it.
  const isPlain = text[0] === "'";
  const special = isPlain
    ? /''|[ \t]*\n[ \t]*((?:\n[ \t]*)*)/g
    : /\\(x..|u....|U.{8}|\n[ \t]*|[^])|[ \t]*\n[ \t]*((?:\n[ \t]*)*)/g;
  return text.slice(1, -1).replace(special, (found, ...groups) => {
    const more = groups[isPlain ? 0 : 1];
    if (more !== undefined) return more.replace(/[^\n]/g, "") || " ";
    if (isPlain) return "'";
    const code = groups[0];
    return code[0] === "\n"
      ? ""
      : (ESCAPES[code] ?? (code.length > 1 ? characterOf(parseInt(code.slice(1), 16)) : code));
  });
}

/** @param {string} text @returns {string} without the comment at its end */
const bare = (text) => text.replace(/(^|\s)#.*$/, "").trim();

/** Maximum length of all values that aliases repeat, as JSON. Ten lines of aliases to aliases could grow to any size. */
const LONGEST_REPEATED = 1e6;

/** Maximum nesting of lists and mappings. Configurations have fewer than ten levels. */
const DEEPEST = 32;

/** Maximum length of a text in quotes or brackets that continues on the next line. */
const LONGEST_TEXT = 2e4;

/** The anchored values of a document. An alias may not lead to a value that contains aliases. */
class Anchors {
  /** @type {Map<string, {value: any, isNested: boolean}>} */
  values = new Map();
  /** Number of aliases read so far. */
  aliases = 0;
  /** Length of the values that they repeat, as JSON. */
  repeated = 0;
  /** Read the parts of the document that were not read yet. @type {() => void} */
  readAll = () => {};

  /** @param {string} name @param {() => any} read */
  set(name, read) {
    const before = this.aliases;
    const value = read();
    this.values.set(name, { value, isNested: this.aliases > before });
    return value;
  }

  /** @param {string} name @param {(problem: string) => never} fail */
  get(name, fail) {
    this.aliases += 1;
    if (!this.values.has(name)) this.readAll();
    const found = this.values.get(name) ?? fail(`expected an anchor “&${name}”, got none.`);
    if (found.isNested) fail(`expected no aliases within “&${name}”, got one.`);
    this.repeated += JSON.stringify(found.value).length;
    if (this.repeated > LONGEST_REPEATED) fail(`expected aliases to repeat at most ${LONGEST_REPEATED} characters.`);
    return found.value;
  }
}

const ANCHOR = /^&([^\s,[\]{}]+)\s*/;
const ALIAS = /^\*([^\s,[\]{}]+)\s*/;

class Reader {
  /**
   * @param {string[]} lines
   * @param {number} first the number of the first one in the file
   * @param {Anchors} anchors
   */
  constructor(lines, first, anchors) {
    this.anchors = anchors;
    this.lines = lines.map((text) => ({ indent: text.search(/[^ ]|$/), text: text.trimEnd() }));
    this.first = first;
    this.at = 0;
    /** Index of the line that was read last. Error messages name it. */
    this.current = 0;
    this.depth = 0;
  }

  /** @param {string} problem @returns {never} */
  fail(problem) {
    throw new YamlError(`Line ${this.first + this.current}: ${problem}`);
  }

  /** Return the next line that is neither empty nor a comment. */
  peek() {
    while (this.at < this.lines.length && /^\s*(#|$)/.test(this.lines[this.at].text)) this.at += 1;
    this.current = Math.min(this.at, this.lines.length - 1);
    return this.lines[this.at];
  }

  /**
   * Read a block that is indented by more than `outer` spaces. A list that is a key's value may be indented by
   * exactly `outer`.
   * @param {number} outer
   * @param {boolean} [isValue] whether the block is a key's value
   * @returns {any}
   */
  block(outer, isValue = false) {
    if ((this.depth += 1) > DEEPEST) this.fail(`expected at most ${DEEPEST} levels of indentation, got more.`);
    const value = this.content(outer, isValue);
    this.depth -= 1;
    return value;
  }

  /** @param {number} outer @param {boolean} isValue @returns {any} */
  content(outer, isValue) {
    const line = this.peek();
    if (!line) return null;
    const { indent } = line;
    const rest = line.text.slice(indent);
    const isItem = ITEM.test(rest);
    if (rest[0] === "\t") this.fail("expected spaces, got a tab.");
    if (indent < outer || (indent === outer && !(isItem && isValue))) return null;
    if (isItem) return this.list(indent);
    if (KEY.test(rest)) return this.mapping(indent);
    this.at += 1;
    return this.scalar(rest, outer);
  }

  /** @param {number} indent */
  list(indent) {
    const items = [];
    for (let line = this.peek(); line?.indent === indent && ITEM.test(line.text.slice(indent)); line = this.peek()) {
      const rest = line.text.slice(indent + 1);
      const start = rest.search(/\S|$/);
      const inner = rest.slice(start);
      if (ITEM.test(inner) || KEY.test(inner)) {
        // In "- - a" and "- name: a", the text after the dash is a nested block.
        this.lines[this.at] = { indent: indent + 1 + start, text: " ".repeat(indent + 1 + start) + inner };
        items.push(this.block(indent));
      } else {
        this.at += 1;
        items.push(bare(inner) ? this.scalar(inner, indent) : this.block(indent));
      }
    }
    return items;
  }

  /** @param {number} indent */
  mapping(indent) {
    const found = Object.create(null);
    for (let line = this.peek(); line?.indent === indent; line = this.peek()) {
      const rest = line.text.slice(indent);
      const key = KEY.exec(rest);
      if (!key) return this.fail(`expected “key: value”, got “${rest.slice(0, 40)}”.`);
      this.at += 1;
      const value = rest.slice(key[0].length).trim();
      found[/^["']/.test(key[1]) ? unquoted(key[1]) : key[1].trim()] = bare(value)
        ? this.scalar(value, indent)
        : this.block(indent, true);
    }
    const line = this.peek();
    if (line && line.indent > indent) this.fail("expected less indentation.");
    return found;
  }

  /**
   * @param {string} start of the value
   * @param {number} outer indentation of the enclosing key or list
   * @returns {any}
   */
  scalar(start, outer) {
    if (/^[|>]/.test(start)) {
      const lines = [];
      while (this.at < this.lines.length && (this.lines[this.at].indent > outer || !this.lines[this.at].text))
        lines.push(this.lines[this.at++].text.trim());
      return lines.join(start[0] === ">" ? " " : "\n").trim();
    }
    const fail = (/** @type {string} */ problem) => this.fail(problem);
    const anchor = ANCHOR.exec(start);
    const rest = start.slice(anchor?.[0].length);
    if (anchor && ANCHOR.test(rest)) fail(`expected one anchor, got “${start.slice(0, 20)}”.`);
    if (anchor)
      return this.anchors.set(anchor[1], () => (bare(rest) ? this.scalar(rest, outer) : this.block(outer, true)));
    const alias = ALIAS.exec(bare(start));
    if (alias?.[0] === bare(start)) return this.anchors.get(alias[1], fail);
    if (/^[&*!@`%?]/.test(start))
      this.fail(`expected a text, a list or a mapping, got “${start.slice(0, 20)}”, which this reader does not know.`);
    const more = () => {
      const line = this.lines[this.at];
      if (!line) return this.fail(`expected the end of “${start.slice(0, 20)}”, got the end of the file.`);
      this.current = this.at++;
      return `\n${line.text}`;
    };
    if (/^["'[{]/.test(start)) {
      const flow = new Flow(start, more, fail, this.anchors);
      const value = flow.value();
      if (bare(flow.text.slice(flow.at)))
        this.fail(`expected nothing after “${flow.text.slice(0, flow.at).slice(-20)}”.`);
      return value;
    }
    let text = bare(start);
    if (/:(\s|$)/.test(text)) this.fail(`expected quotes around “${text.slice(0, 40)}”.`);
    for (let line = this.peek(); line && line.indent > outer; line = this.peek()) {
      if (KEY.test(line.text.trim())) this.fail(`expected a text, got “${line.text.trim().slice(0, 40)}”.`);
      this.at += 1;
      text += ` ${bare(line.text)}`;
    }
    return plain(text);
  }
}

/** @param {string} text */
const plain = (text) => (/^(|~|null|Null|NULL)$/.test(text) ? null : text);

/** A reader for values in brackets or quotes, which may continue on the next line. */
class Flow {
  /**
   * @param {string} text
   * @param {() => string} more returns the next line
   * @param {(problem: string) => never} fail
   * @param {Anchors} anchors
   */
  constructor(text, more, fail, anchors) {
    this.anchors = anchors;
    this.text = text;
    this.more = more;
    this.fail = fail;
    this.at = 0;
    this.depth = 0;
  }

  /** Move to the next character outside spaces and comments, and return it. */
  next() {
    for (;;) {
      const rest = this.text.slice(this.at);
      const space = /^(\s+(#[^\n]*)?)*/.exec(rest)?.[0].length ?? 0;
      this.at += space;
      if (this.at < this.text.length) return this.text[this.at];
      this.grow();
    }
  }

  /** Add the next line, and remove what was read. */
  grow() {
    this.text = this.text.slice(this.at);
    this.at = 0;
    if (this.text.length > LONGEST_TEXT)
      this.fail(`expected the end of “${this.text.slice(0, 20)}” within ${LONGEST_TEXT} characters.`);
    this.text += this.more();
  }

  /** @returns {any} */
  value() {
    if ((this.depth += 1) > DEEPEST) this.fail(`expected at most ${DEEPEST} levels of brackets, got more.`);
    const first = this.next();
    const anchor = ANCHOR.exec(this.text.slice(this.at));
    if (anchor) {
      this.at += anchor[0].length;
      if (this.text[this.at] === "&") this.fail(`expected one anchor, got “${anchor[0]}&”.`);
      this.depth -= 1;
      return this.anchors.set(anchor[1], () => this.value());
    }
    const value = first === "[" ? this.list() : first === "{" ? this.mapping() : this.word();
    this.depth -= 1;
    return value;
  }

  /** @returns {any} */
  word() {
    const quote = this.text[this.at];
    if (quote !== '"' && quote !== "'") {
      const read = () => /^(?:[^,[\]{}:#]|:(?=[^\s,[\]{}])|(?<=\S)#)*/.exec(this.text.slice(this.at))?.[0] ?? "";
      let found = read();
      while (this.at + found.length === this.text.length) {
        this.grow();
        found = read();
      }
      if (!found.trim()) this.fail(`expected a value, got “${this.text.slice(this.at, this.at + 20)}”.`);
      this.at += found.length;
      const alias = ALIAS.exec(found.trim());
      if (alias) return this.anchors.get(alias[1], this.fail);
      // JSON with comments is no YAML: the comment would become a part of the next key.
      if (/^([&*!@`%|>]|\/[/*])/.test(found))
        this.fail(`expected a text, got “${found.trim().slice(0, 20)}”, which this reader does not know.`);
      return plain(found.trim().replace(/\s*\n\s*/g, " "));
    }
    const whole = quote === '"' ? /^"[^"\\]*(?:\\[^][^"\\]*)*"/ : /^'[^']*(?:''[^']*)*'/;
    let found = whole.exec(this.text.slice(this.at));
    while (!found) {
      this.grow();
      found = whole.exec(this.text.slice(this.at));
    }
    this.at += found[0].length;
    return unquoted(found[0]);
  }

  /** @param {string} end @param {() => void} one */
  each(end, one) {
    this.at += 1;
    while (this.next() !== end) {
      one();
      if (this.next() === ",") this.at += 1;
      else if (this.next() !== end)
        this.fail(`expected “,” or “${end}”, got “${this.text.slice(this.at, this.at + 20)}”.`);
    }
    this.at += 1;
  }

  list() {
    /** @type {any[]} */
    const items = [];
    this.each("]", () => items.push(this.value()));
    return items;
  }

  mapping() {
    const found = Object.create(null);
    this.each("}", () => {
      const key = this.word();
      if (this.next() !== ":") this.fail(`expected “:” after “${key}”.`);
      this.at += 1;
      found[key] = /[,}]/.test(this.next()) ? null : this.value();
    });
    return found;
  }
}

/**
 * Read a YAML document, or the first one of several.
 * @param {string} text
 * @returns {any} a record whose values are parsed when they are accessed, or a list
 * @throws {YamlError} also when a value is accessed
 */
export function readYaml(text) {
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  // Content on the "---" line that starts a document is part of the document.
  const start = lines.findIndex(
    (line, n) => ((lines[n] = line.replace(/^---(?=\s)/, "   ")), !/^(%|\s*(#|$)|---$)/.test(lines[n])),
  );
  const end = lines.findIndex((line, n) => n > start && /^(---|\.\.\.)(\s|$)/.test(line));
  const body = lines.slice(Math.max(0, start), end < 0 ? undefined : end);
  const first = Math.max(0, start) + 1;
  const anchors = new Anchors();
  if (!KEY.test(body[0] ?? "")) return new Reader(body, first, anchors).block(-1);
  const found = Object.create(null);
  // A top-level key starts a part, which all lines up to the next key belong to.
  const starts = body.flatMap((line, n) => (KEY.test(line) || /^\?(\s|$)/.test(line) ? [n] : []));
  starts.forEach((from, n) => {
    const key = KEY.exec(body[from]);
    // A key in the long form ("? key") is skipped: no supported tool writes one.
    if (!key) return;
    const name = /^["']/.test(key[1]) ? unquoted(key[1]) : key[1].trim();
    const define = (/** @type {PropertyDescriptor} */ value) =>
      Object.defineProperty(found, name, { enumerable: true, configurable: true, ...value });
    define({
      get: () => {
        const value = new Reader(body.slice(from, starts[n + 1]), first + from, anchors).mapping(0)[name];
        define({ get: () => value });
        return value;
      },
    });
  });
  anchors.readAll = () => {
    anchors.readAll = () => {};
    for (const name of Object.keys(found)) {
      try {
        void found[name];
      } catch (error) {
        if (!(error instanceof YamlError)) throw error;
      }
    }
  };
  return found;
}
