"use strict";
/* Draws the report from the JSON beside it. Text is inserted as text nodes and attributes only. */
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { quality, consensus } = data;
  const { agreement } = quality;
  const HUMAN_CEILING = 0.8; // OKS of two careful workers whose positions scatter as the sigmas state
  const SMALLEST_SAMPLE = 20; // instances below which a worker should not be judged
  const root = document.getElementById("report");
  const NONE = "–";

  const make =
    (space) =>
    (tag, attributes = {}, ...children) => {
      const node = document.createElementNS(space, tag);
      for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
      node.append(...children.flat().filter((child) => child !== null));
      return node;
    };
  const html = make("http://www.w3.org/1999/xhtml");
  const svg = make("http://www.w3.org/2000/svg");

  // ------------------------------------------------------------------------------------------------- numbers

  /** The value with as many digits as it takes not to look like one of the limits, which it reaches only if it equals it. */
  const rounded = (value, limits, digits, most) => {
    if (limits.includes(value)) return String(value);
    for (let d = digits; d <= most; d++) {
      const text = value.toFixed(d);
      if (!limits.includes(Number(text))) return text;
    }
    const limit = limits.toSorted((a, b) => Math.abs(value - a) - Math.abs(value - b))[0];
    const step = 10 ** -most;
    // A value above all limits may exceed the last one by any amount.
    if (value > Math.max(...limits)) return `>${limit}`;
    return value > limit ? `<${(limit + step).toFixed(most)}` : `>${(limit - step).toFixed(most)}`;
  };
  const whole = (n) => n.toLocaleString("en");
  /** Shares at which a figure gets the next better grade. */
  const GRADES = [0.5, 0.75, 0.9, 0.97];
  const LIMITS = [0, ...GRADES.map((share) => 100 * share), 100];
  const percent = (share) => {
    if (share === null) return NONE;
    const value = 100 * share;
    return `${rounded(value, LIMITS, value < 10 || Math.abs(100 - value) < 10 ? 1 : 0, 3)}%`;
  };
  const fixed = (value) => (value === null ? NONE : rounded(value, [0, 1], 2, 4));
  const time = (seconds) => {
    if (seconds === null) return NONE;
    if (seconds < 90) return `${rounded(seconds, [0], seconds < 10 ? 1 : 0, 3)} s`;
    if (seconds < 5400) return `${(seconds / 60).toFixed(1)} min`;
    return `${(seconds / 3600).toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 })} h`;
  };
  /** A time that is a short number of seconds, minutes or hours, exactly. */
  const exactTime = (seconds) =>
    seconds < 60 ? `${seconds} s` : seconds < 3600 ? `${seconds / 60} min` : `${seconds / 3600} h`;
  const count = (n, one, many) => `${whole(n)} ${n === 1 ? one : many}`;
  const sum = (numbers) => numbers.reduce((total, n) => total + n, 0);
  const day = (text) => (text ?? "").slice(0, 10);
  const isAre = (n) => (n === 1 ? "is" : "are");

  // ------------------------------------------------------------------------------------------------ building

  const idOf = (title) => title.toLowerCase().replaceAll(" ", "-");
  const paragraph = (...content) => html("p", { class: "note" }, ...content);
  const section = (title, ...content) => {
    root.append(
      html(
        "section",
        { id: idOf(title), "aria-labelledby": `${idOf(title)}-title` },
        html("h2", { id: `${idOf(title)}-title` }, title),
        ...content,
      ),
    );
  };

  /** The length of a bar: empty only for 0, and full only for 1 and more. */
  const length = (share, full) =>
    share <= 0 ? 0 : share >= 1 ? full : Math.max(1.5, Math.min(full - 1.5, share * full));
  const meter = (value, all = 1) =>
    svg(
      "svg",
      { viewBox: "0 0 72 8", "aria-hidden": "true" },
      svg("rect", { class: "track", width: 72, height: 8, rx: 4 }),
      svg("rect", { class: "bar", width: length(value / all, 72), height: 8, rx: 4 }),
    );
  const withMeter = (text, value, all = 1) => html("span", {}, text, value === null ? null : meter(value, all));
  /** A share, and beneath it what it is made of and its 95% confidence interval. */
  const rateCell = (rate) =>
    rate.n
      ? html(
          "span",
          {},
          percent(rate.share),
          html(
            "span",
            { class: "basis" },
            html("span", {}, `${whole(rate.count)} of ${whole(rate.n)}`),
            " ",
            html("span", {}, `${percent(rate.low)} to ${percent(rate.high)}`),
          ),
        )
      : NONE;

  // ------------------------------------------------------------------------------------------------- tables

  // Spreadsheets run text as a formula if it, or a line of it, begins with one of these; some read full-width signs too.
  // In some languages they begin a new cell at a semicolon.
  const FORMULA =
    /(?<=^"*)(?=[\t\r\n])|(?<=(?:^|[\r\n\v\f\u0085\u2028\u2029;\t])"*)(?=[=+\-@|%\uff0b\uff0d\uff1d\uff20])/g;
  const csvCell = (value) => {
    if (value === null) return "";
    const text = typeof value === "string" ? value.replace(FORMULA, "'") : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const csv = (columns, rows) => {
    const fields = columns.flatMap((column) => column.csv ?? [[column.name, column.of]]);
    const lines = [fields.map(([name]) => name), ...rows.map((row) => fields.map(([, of]) => of(row)))];
    return lines.map((line) => `${line.map(csvCell).join(",")}\r\n`).join("");
  };
  const download = (name, text) => {
    const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
    html("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  };

  /** Missing values last, numbers by size, text by the alphabet with numbers in it by size. */
  const compared = (a, b, direction) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return direction * (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
  };

  /**
   * A table with a caption, sorted by the buttons in its header, and with a button that downloads it as CSV.
   * A column has a `name`, `of(row)` for the value, and optionally `show(row)` for what the cell displays, a `kind` that
   * sets the layout, and `csv`: headings and values of several CSV columns in place of its own.
   */
  const table = (caption, columns, rows) => {
    let shown = rows;
    const body = html("tbody");
    const lines = new Map(
      rows.map((row) => [
        row,
        html(
          "tr",
          {},
          columns.map((column, i) => {
            const value = column.of(row);
            const content = column.show
              ? column.show(row)
              : value === null
                ? NONE
                : typeof value === "number"
                  ? whole(value)
                  : value;
            return html(i ? "td" : "th", { class: column.kind ?? "", ...(i ? {} : { scope: "row" }) }, content);
          }),
        ),
      ]),
    );
    const fill = () => body.replaceChildren(...shown.map((row) => lines.get(row)));
    const headers = columns.map((column) => {
      const header = html(
        "th",
        { scope: "col", class: column.kind ?? "" },
        html("button", { type: "button" }, column.name),
      );
      // Browsers leave a control that is partly in sight where it is.
      header.firstChild.addEventListener("focus", () => {
        const box = header.closest(".scroll");
        const [{ left, right }, outer] = [header.getBoundingClientRect(), box.getBoundingClientRect()];
        box.scrollLeft += Math.max(0, right - outer.right) + Math.min(0, left - outer.left);
      });
      header.firstChild.addEventListener("click", () => {
        const current = header.getAttribute("aria-sort");
        // The first press puts what stands out first: the largest numbers, but words from A.
        const next = current
          ? current === "ascending"
            ? "descending"
            : "ascending"
          : column.kind
            ? "ascending"
            : "descending";
        for (const other of headers) other.removeAttribute("aria-sort");
        header.setAttribute("aria-sort", next);
        shown = [...rows].sort((a, b) => compared(column.of(a), column.of(b), next === "ascending" ? 1 : -1));
        fill();
      });
      return header;
    });
    fill();
    const save = html(
      "button",
      { type: "button", class: "save", "aria-label": `Download as CSV: ${caption}` },
      "Download as CSV",
    );
    const name = `${quality.labeling_job}-${caption}`
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-|-$/g, "")
      .slice(0, 120);
    save.addEventListener("click", () => download(`${name}.csv`, csv(columns, shown)));
    return html(
      "div",
      { class: "table" },
      html(
        "div",
        { class: "scroll", tabindex: "0", role: "group", "aria-label": caption },
        html("table", {}, html("caption", {}, caption), html("thead", {}, html("tr", {}, headers)), body),
      ),
      save,
    );
  };

  const rateColumn = (name, rateOf) => {
    const part = (field) => (row) => rateOf(row)?.[field] ?? null;
    return {
      name,
      of: part("share"),
      show: (row) => (rateOf(row) ? rateCell(rateOf(row)) : NONE),
      csv: [
        [name, part("share")],
        [`${name}: count`, part("count")],
        [`${name}: of`, part("n")],
        [`${name}: 95% low`, part("low")],
        [`${name}: 95% high`, part("high")],
      ],
    };
  };
  const percentColumn = (name, of) => ({ name, of, show: (row) => withMeter(percent(of(row)), of(row)) });
  const fixedColumn = (name, of) => ({ name, of, show: (row) => fixed(of(row)) });

  // ------------------------------------------------------------------------------------------------ headline

  const AGAIN = "Images to look at again";
  const EMPTY = "Empty answers";
  const ALL_LINES = "Outcome of every line";

  const tile = (name, target, value, more) =>
    html(
      "dl",
      { class: "tile" },
      html("dt", {}, html("a", { href: `#${idOf(target)}` }, name)),
      html("dd", { class: "value" }, value),
      html("dd", { class: "more" }, more),
    );

  const headline = () => {
    document.title = `Quality of ${quality.labeling_job}`;
    const days = [day(data.first_label), day(data.last_label)].filter(
      (text, i, all) => text && all.indexOf(text) === i,
    );
    root.append(
      html(
        "header",
        {},
        html("h1", { dir: "auto" }, quality.labeling_job),
        html(
          "p",
          {},
          "Skeleton: ",
          html("bdi", {}, data.skeleton),
          days.length ? ` · labelled ${days.join(" to ")}` : null,
          " · status: ",
          html("bdi", {}, data.status),
        ),
      ),
    );
    if (data.status !== "Completed") {
      root.append(
        html(
          "p",
          { class: "warning" },
          "The job ended with the status “",
          html("bdi", {}, data.status),
          "”, not “Completed”. This report covers the labels that existed then.",
        ),
      );
    }
    const times = quality.time_in_seconds;
    const answers = sum(quality.workers.map((w) => w.answers)) + quality.other_workers_answers;
    const agreed =
      agreement === null || agreement.oks === null
        ? tile("Agreement", "Keypoints", NONE, "no instance was marked by two workers")
        : tile(
            "Agreement",
            "Keypoints",
            percent(agreement.relative),
            `Workers agree ${percent(agreement.relative)} as well as two careful people would: similarity ${fixed(agreement.oks)}, where those reach ${fixed(HUMAN_CEILING)}.`,
          );
    root.append(
      html(
        "div",
        { class: "tiles" },
        tile(
          "Images labelled",
          ALL_LINES,
          whole(quality.written),
          quality.lines
            ? `${percent(quality.written / quality.lines)} of the manifest's ${count(quality.lines, "line", "lines")}`
            : "the manifest has no lines",
        ),
        tile(
          "Instances labelled",
          "Keypoints",
          whole(quality.instances),
          `with ${count(sum(quality.keypoints.map((k) => k.labeled)), "keypoint", "keypoints")}`,
        ),
        agreed,
        tile(
          AGAIN,
          AGAIN,
          whole(data.suspicious),
          data.suspicious
            ? `${count(quality.instances_needing_review, "disputed instance", "disputed instances")}, ${whole(quality.instances_below_quorum)} marked by too few workers, ${count(quality.images_without_instances, "image", "images")} without a label`
            : "no image looks wrong",
        ),
        tile(
          EMPTY,
          EMPTY,
          whole(quality.empty_answers),
          answers ? `of ${count(answers, "answer", "answers")}` : "there are no answers",
        ),
        tile(
          "Time per image",
          "Distributions",
          time(times.median),
          times.images
            ? `median, summed over the workers of an image; ${time(times.total)} in total`
            : "no time was recorded",
        ),
      ),
    );
  };

  // --------------------------------------------------------------------------------------------- histograms

  /** `bounds` has one entry more than `bins`: a bin counts from its own bound up to, and without, the next one. */
  const histogram = (title, unit, bins, bounds, boundText, { every, mark = null, markText = "", measure = "" }) => {
    const [width, height, left, bottom, top] = [360, 180, 8, 22, 30];
    const most = Math.max(1, ...bins);
    const step = (width - 2 * left) / bins.length;
    const drawing = svg("svg", {
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": `Histogram: ${title}. The figures are in the table below it.`,
    });
    bins.forEach((n, i) => {
      const high = length(n / most, height - bottom - top);
      drawing.append(
        svg(
          "rect",
          {
            class: "bar",
            x: left + i * step + 0.5,
            y: height - bottom - high,
            width: Math.max(1, step - 1),
            height: high,
          },
          svg("title", {}, `${boundText(bounds[i])} to ${boundText(bounds[i + 1])}: ${whole(n)}`),
        ),
      );
    });
    drawing.append(
      svg("line", { class: "axis", x1: left, x2: width - left, y1: height - bottom, y2: height - bottom }),
    );
    bounds.forEach((bound, i) => {
      if (i % every || (i > bins.length - every / 2 && i < bins.length)) return;
      const anchor = i === 0 ? "start" : i === bins.length ? "end" : "middle";
      drawing.append(svg("text", { x: left + i * step, y: height - 7, "text-anchor": anchor }, boundText(bound)));
    });
    drawing.append(svg("text", { x: left, y: 12 }, `highest bar: ${whole(most)}`));
    if (mark !== null) {
      const x = left + mark * (width - 2 * left);
      drawing.append(svg("line", { class: "mark", x1: x, x2: x, y1: 4, y2: height - bottom }));
      drawing.append(svg("text", { class: "marked", x: x - 5, y: 12, "text-anchor": "end" }, markText));
    }
    const rows = bins.map((n, i) => ({ n, from: bounds[i], to: bounds[i + 1] })).filter((row) => row.n);
    const seen = (name, bound) => ({
      name,
      of: (row) => (Number.isFinite(row[bound]) ? row[bound] : null),
      show: (row) => boundText(row[bound]),
      csv: [[`${name}${measure}`, (row) => (Number.isFinite(row[bound]) ? row[bound] : null)]],
    });
    return html(
      "div",
      { class: "card" },
      html("h3", {}, title),
      drawing,
      html(
        "details",
        {},
        html("summary", {}, "Figures"),
        table(title, [seen("from", "from"), seen("to less than", "to"), { name: unit, of: (row) => row.n }], rows),
      ),
    );
  };

  const distributions = () => {
    const cards = [];
    if (consensus.instances) {
      const bins = consensus.bins;
      // Nothing is above 1, so the last bin includes it.
      cards.push(
        histogram("Similarity of workers to the consensus", "instances", bins, [0, ...consensus.edges, 1], String, {
          every: bins.length / 4,
          mark: consensus.ceiling,
          markText: `human ceiling: ${fixed(consensus.ceiling)}`,
        }),
      );
    }
    const used = data.time_bins.map((n, i) => (n ? i : -1)).filter((i) => i >= 0);
    if (used.length) {
      const bounds = [0, ...data.time_edges, Infinity];
      const first = Math.max(0, used[0] - 1),
        last = Math.min(data.time_bins.length, used.at(-1) + 2);
      const bins = data.time_bins.slice(first, last);
      cards.push(
        histogram(
          "Time per image",
          "images",
          bins,
          bounds.slice(first, last + 1),
          (bound) => (bound === Infinity ? "longer" : exactTime(bound)),
          { every: Math.ceil(bins.length / 5), measure: " in seconds" },
        ),
      );
    }
    section(
      "Distributions",
      cards.length
        ? paragraph(
            consensus.instances
              ? "Similarity is object keypoint similarity (OKS). It is 1 for equal positions and 0 for distant ones, on the scale by which people usually differ at each keypoint. " +
                  "Careful people differ too: the human ceiling is the similarity that they reach. A value of exactly 1 is in the last bin. "
              : "",
            "A bin includes its lower edge.",
          )
        : paragraph("No instance was marked by several workers, and no time was recorded."),
      html("div", { class: "columns" }, cards),
    );
  };

  // ----------------------------------------------------------------------------------------------- keypoints

  const GRADE_NAMES = ["below 50%", "50% to below 75%", "75% to below 90%", "90% to below 97%", "97% or more"];
  const gradeOf = (value) => GRADES.filter((step) => value >= step).length;

  /** A disc that is filled by the quarter: empty for the lowest grade, full for the highest, dashed for no value. */
  const disc = (value, x, y, r, title = null) => {
    if (value === null) return [svg("circle", { class: "disc none", cx: x, cy: y, r }, title)];
    const grade = gradeOf(value);
    const edge = svg("circle", { class: `disc q${grade}${grade === 4 ? " full" : ""}`, cx: x, cy: y, r }, title);
    if (grade === 0 || grade === 4) return [edge];
    const angle = (grade * Math.PI) / 2;
    const arc = `M${x} ${y}V${y - r}A${r} ${r} 0 ${grade > 2 ? 1 : 0} 1 ${x + r * Math.sin(angle)} ${y - r * Math.cos(angle)}Z`;
    return [edge, svg("path", { class: `part q${grade}`, d: arc })];
  };

  const positions = () => {
    const drawn = data.keypoints.every((k) => k.point);
    const turn = (2 * Math.PI) / data.keypoints.length;
    const raw = data.keypoints.map((k, i) => (drawn ? k.point : [Math.sin(i * turn), -Math.cos(i * turn)]));
    const [xs, ys] = [raw.map((p) => p[0]), raw.map((p) => p[1])];
    const [x0, y0] = [Math.min(...xs), Math.min(...ys)];
    const size = Math.max(Math.max(...xs) - x0, Math.max(...ys) - y0) || 1;
    return raw.map(([x, y]) => [40 + (280 * (x - x0)) / size, 24 + (280 * (y - y0)) / size]);
  };

  const onSkeleton = (title, values) => {
    const at = positions();
    const gaps = at
      .flatMap(([x, y], i) => at.slice(0, i).map(([u, v]) => Math.hypot(x - u, y - v)))
      .sort((a, b) => a - b);
    const radius = Math.max(3, Math.min(8, 0.45 * (gaps[Math.floor(gaps.length / 100)] ?? 18)));
    const [width, height] = [
      Math.max(200, Math.max(...at.map((p) => p[0])) + 40),
      Math.max(...at.map((p) => p[1])) + 24,
    ];
    const drawing = svg("svg", {
      class: "skeleton",
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": `${title}, drawn on the skeleton. The figures are in the table below.`,
    });
    for (const [a, b] of data.edges) {
      drawing.append(svg("line", { class: "edge", x1: at[a][0], y1: at[a][1], x2: at[b][0], y2: at[b][1] }));
    }
    data.keypoints.forEach((k, i) =>
      drawing.append(...disc(values[i], ...at[i], radius, svg("title", {}, `${k.name}: ${percent(values[i])}`))),
    );
    const lowest = values
      .map((value, i) => [value, i])
      .filter(([value]) => value !== null && value < GRADES[3])
      .sort((a, b) => a[0] - b[0])
      .slice(0, 4);
    const taken = [];
    for (const [value, i] of lowest) {
      // Figures that overlap cannot be read: the lower one is kept.
      if (taken.some((j) => Math.abs(at[i][0] - at[j][0]) < 40 && Math.abs(at[i][1] - at[j][1]) < 14)) continue;
      taken.push(i);
      drawing.append(
        svg(
          "text",
          { class: "strong", x: at[i][0], y: at[i][1] - radius - 4, "text-anchor": "middle" },
          percent(value),
        ),
      );
    }
    const sign = (value, name) =>
      html("li", {}, svg("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" }, disc(value, 6, 6, 5)), name);
    const legend = GRADE_NAMES.map((name, grade) => sign([0, ...GRADES][grade], name));
    if (values.includes(null)) legend.push(sign(null, "no value"));
    return html("div", { class: "card" }, html("h3", {}, title), drawing, html("ul", { class: "legend" }, legend));
  };

  const keypoints = () => {
    const alike = new Map((agreement?.keypoints ?? []).map((k) => [k.name, k]));
    const cards = [],
      notes = [];
    const columns = [
      { name: "keypoint", kind: "word", of: (k) => k.name },
      { name: "labelled", of: (k) => k.labeled },
      percentColumn("share of instances", (k) => k.completeness),
      { name: "visible", of: (k) => k.visible },
      { name: "occluded", of: (k) => k.occluded },
    ];
    if (data.keypoints.length)
      cards.push(
        onSkeleton(
          "Instances in which the keypoint is labelled",
          quality.keypoints.map((k) => k.completeness),
        ),
      );
    if (agreement) {
      const of = (field) => (k) => alike.get(k.name)?.[field] ?? null;
      if (data.keypoints.length)
        cards.push(
          onSkeleton(
            "Agreement between two workers, relative to the human ceiling",
            data.keypoints.map((k) => of("relative")(k)),
          ),
        );
      columns.push(
        percentColumn("agreement", of("relative")),
        fixedColumn("similarity", of("similarity")),
        { name: "pairs", of: of("pairs") },
        fixedColumn("α position", of("alpha_position")),
        fixedColumn("α visibility", of("alpha_visibility")),
      );
      notes.push(
        "Agreement is the mean similarity of two workers, relative to what two careful people reach; it can exceed 100%. Pairs counts the compared labels. " +
          "α is Krippendorff's alpha: 1 is full agreement, 0 is agreement by chance. ",
      );
      if (agreement.instances_matched !== null)
        notes.push(
          `If one of two workers marked an instance, the other marked it too in ${percent(agreement.instances_matched)} of cases. `,
        );
      if (agreement.coverage !== null)
        notes.push(
          `Both workers labelled ${percent(agreement.coverage)} of the keypoints that at least one of them labelled. `,
        );
    }
    const unknown = Object.entries(quality.unknown_keypoints);
    const named = unknown
      .slice(0, 20)
      .flatMap(([name, n], i) => [i ? ", " : "", html("bdi", {}, name), ` (${whole(n)})`]);
    section(
      "Keypoints",
      paragraph("The drawings show the lowest values. The table contains all values. ", ...notes),
      html("div", { class: "columns" }, cards),
      quality.keypoints.length ? table("Labels by keypoint", columns, quality.keypoints) : null,
      unknown.length
        ? html(
            "p",
            { class: "warning" },
            "Some labels have keypoints that the skeleton does not have: ",
            named,
            unknown.length > 20 ? ` and ${whole(unknown.length - 20)} more names.` : ".",
          )
        : null,
    );
  };

  // ------------------------------------------------------------------------------------------------ workers

  const judged = () => {
    const reports = new Map(data.workers.map((w) => [w.worker_id, w]));
    return quality.workers.map((w, i) => ({ ...w, report: reports.get(w.worker_id), emptyRate: data.empty[i] }));
  };

  const workers = () => {
    if (!quality.workers.length) return;
    const rows = judged();
    const of = (field, against) => (w) => (w.report?.[against].instances ? w.report[against][field] : null);
    const slowest = Math.max(...rows.map((w) => w.mean_time_in_seconds ?? 0)) || 1;
    const columns = [
      { name: "worker", kind: "word", of: (w) => w.worker_id },
      { name: "answers", of: (w) => w.answers },
      { name: "unusable", of: (w) => w.unusable },
      { name: "empty", of: (w) => w.empty },
      {
        name: "mean time",
        of: (w) => w.mean_time_in_seconds,
        show: (w) => withMeter(time(w.mean_time_in_seconds), w.mean_time_in_seconds, slowest),
        csv: [["mean time in seconds", (w) => w.mean_time_in_seconds]],
      },
    ];
    const compared = rows.some((w) => w.report?.against_others.instances);
    const gold = rows.some((w) => w.report?.against_gold.instances);
    if (compared)
      columns.push(percentColumn("agreement with the others", of("relative", "against_others")), {
        name: "instances compared",
        of: of("instances", "against_others"),
      });
    if (gold)
      columns.push(percentColumn("agreement with gold", of("relative", "against_gold")), {
        name: "gold instances",
        of: of("instances", "against_gold"),
      });
    section(
      "Workers",
      paragraph(
        "Names of a job's workers are pseudonyms. An unusable answer could not be read or reports a problem; an empty answer labels nothing. ",
        compared
          ? `Agreement compares a worker with the consensus of the others, relative to what a careful person reaches. Do not judge a worker by fewer than ${SMALLEST_SAMPLE} instances.`
          : "The workers are not compared, because no three of them marked the same instance.",
      ),
      table("Answers by worker", columns, rows),
      quality.other_workers_answers
        ? paragraph(
            `Workers who are not listed gave ${count(quality.other_workers_answers, "more answer", "more answers")}.`,
          )
        : null,
    );
    if (!compared) return;
    const error = (kind) => (w) => of("errors", "against_others")(w)?.[kind] ?? null;
    section(
      "Errors by worker",
      paragraph(
        "Each worker is compared with the consensus of the others. The first figures are shares of the consensus's keypoints: close to it (good), near it (jitter), on the other side of the body, far away, or not labelled. " +
          "Instances missed counts whole instances. Below each share are its count and its 95% confidence interval.",
      ),
      table(
        "Error shares by worker",
        [
          columns[0],
          rateColumn("good", error("good")),
          rateColumn("jitter", error("jitter")),
          rateColumn("left and right swapped", error("inversion")),
          rateColumn("far away", error("miss")),
          rateColumn("not labelled", error("missing")),
          rateColumn("instances missed", of("missed", "against_others")),
        ],
        rows.filter((w) => w.report?.against_others.instances),
      ),
    );
  };

  const KINDS = {
    swap: "left and right swapped",
    moved: "keypoint moved",
    missing: "keypoint left out",
    extra: "instance added",
  };

  const anchored = () => {
    const found = quality.anchoring;
    if (!found) return;
    const rates = [
      rateColumn("wrong ones left", (w) => w.wrong_stayed),
      rateColumn("right ones moved", (w) => w.right_moved),
      rateColumn("placed elsewhere from nothing", (w) => w.withheld_elsewhere),
    ];
    section(
      "Anchoring",
      paragraph(
        `Some pre-labels of this job were an experiment that workers could not see: ${count(found.images_withheld, "image", "images")} had none, and one pre-label of each of ` +
          `${count(found.images_seeded, "image", "images")} was wrong on purpose. Workers left ${whole(found.wrong_stayed.count)} of ${whole(found.wrong_stayed.n)} wrong ones as they were. ` +
          "None of them is in the results: the pre-label as it was before stands in its place.",
      ),
      paragraph(
        "Right ones are the keypoints of other pre-labels; moved ones were removed or are farther away than half similarity. " +
          "They include mistakes of the model. The last figure says how often workers who saw no pre-label chose another place than the model: " +
          "if right ones are moved much less often, workers leave what they would not have placed there. Below each share are its count and its 95% confidence interval.",
      ),
      table(
        "Pre-labels left and moved by worker",
        [{ name: "worker", kind: "word", of: (w) => w.worker_id ?? "all workers" }, ...rates],
        [found, ...found.workers],
      ),
      found.other_workers_answers
        ? paragraph(
            `Workers who are not listed gave ${count(found.other_workers_answers, "more answer", "more answers")}.`,
          )
        : null,
      found.kinds.length
        ? table(
            "Wrong pre-labels by kind",
            [
              { name: "kind", kind: "word", of: (k) => KINDS[k.kind] ?? k.kind },
              rateColumn("left", (k) => k.wrong_stayed),
            ],
            found.kinds,
          )
        : null,
    );
  };

  /** What the results say of images without any label, and how to have them labelled again. */
  const unlabelledImages = () => {
    const images = quality.images_without_instances;
    if (!images) return paragraph("The result has labels for each of these images.");
    const stated = `${count(images, "image has", "images have")} no label in the result.`;
    if (data.is_local) return paragraph(`${stated} suspicious.jsonl lists such images after those that look wrong.`);
    const name = /^[A-Za-z0-9-]+$/.test(quality.labeling_job) ? quality.labeling_job : "JOB";
    return [
      paragraph(
        `${stated} The review list (review.manifest) has such images after those that look wrong. This command sends the whole list to workers once more:`,
      ),
      html(
        "pre",
        { tabindex: "0" },
        html(
          "code",
          {},
          `python scripts/create_review_job.py ${name} --name ${name.toLowerCase()}-review --top ${data.listed} --workteam-arn ARN`,
        ),
      ),
      paragraph("Use --outside-ground-truth in place of --workteam-arn ARN for a job in Truepoint's portal."),
    ];
  };

  const emptyAnswers = () => {
    const rows = judged().filter((w) => w.empty);
    if (!quality.empty_answers) return section(EMPTY, paragraph("No answer is empty."));
    section(
      EMPTY,
      paragraph(
        "An empty answer has no keypoint and no box. It is right if the image shows no subject, and wrong if a worker submitted without labelling. " +
          "The share refers to the worker's usable answers. Below it are the counts and the 95% confidence interval.",
      ),
      table(
        "Empty answers by worker",
        [
          { name: "worker", kind: "word", of: (w) => w.worker_id },
          { name: "empty answers", of: (w) => w.empty },
          rateColumn("share", (w) => w.emptyRate),
        ],
        rows,
      ),
      unlabelledImages(),
    );
  };

  // -------------------------------------------------------------------------------------------------- again

  const drawing = ({ suspects, drawing: image }) => {
    const suspected = suspects.map((i) => image.instances[i]).filter(Boolean);
    const points = (suspected.length ? suspected : [...image.instances, ...image.own]).flat();
    const [xs, ys] = [points.map((p) => p[1]), points.map((p) => p[2])];
    let box = [0, 0, image.width ?? 640, image.height ?? 480];
    if (points.length) {
      const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
      const side = 1.3 * Math.max(x1 - x0, (4 / 3) * (y1 - y0), 48);
      box = [(x0 + x1 - side) / 2, (y0 + y1 - side * 0.75) / 2, side, side * 0.75];
    }
    const unit = box[2] / 240;
    const picture = svg("svg", {
      viewBox: box.join(" "),
      role: "img",
      "aria-label": `Keypoints of ${image.name}: ${count(image.instances.length, "instance", "instances")}, ${whole(suspects.length)} in doubt`,
    });
    picture.append(svg("rect", { class: "frame", x: 0, y: 0, width: image.width ?? 640, height: image.height ?? 480 }));
    if (image.picture && image.width && image.height) {
      picture.append(
        svg("image", {
          href: image.picture,
          x: 0,
          y: 0,
          width: image.width,
          height: image.height,
          preserveAspectRatio: "none",
        }),
      );
    }
    const lines = (instance, kind) => {
      const by = new Map(instance.map((p) => [p[0], p]));
      for (const [a, b] of data.edges) {
        const [p, q] = [by.get(a), by.get(b)];
        if (p && q) picture.append(svg("line", { class: kind, x1: p[1], y1: p[2], x2: q[1], y2: q[2] }));
      }
    };
    for (const instance of image.own) {
      lines(instance, "own");
      for (const [, x, y] of instance) picture.append(svg("circle", { class: "own", cx: x, cy: y, r: 1.5 * unit }));
    }
    image.instances.forEach((instance, i) => {
      const doubted = suspects.includes(i);
      lines(instance, doubted ? "accepted suspect" : "accepted");
      for (const [k, x, y, v] of instance) {
        const kind = `point${v === 1 ? " hollow" : ""}${doubted ? " suspected" : ""}`;
        picture.append(
          svg(
            "circle",
            { class: kind, cx: x, cy: y, r: (doubted ? 4 : 2.6) * unit },
            svg("title", {}, data.keypoints[k].name),
          ),
        );
      }
    });
    return picture;
  };

  const again = () => {
    if (!data.suspicious) return section(AGAIN, paragraph("No image looks wrong."));
    const [drawn, listed] = [data.worst.length, data.listed];
    section(
      AGAIN,
      paragraph(
        `${count(data.suspicious, "image", "images")} may hold a label error. `,
        listed < data.suspicious
          ? `suspicious.jsonl lists the ${whole(listed)} most likely. `
          : "suspicious.jsonl lists all of them. ",
        drawn < listed ? `The ${whole(drawn)} most likely ${isAre(drawn)} drawn here. ` : "",
        "Thick lines are instances in doubt, medium lines other accepted instances, thin grey lines the answers of single workers; hollow keypoints are occluded. ",
        data.is_local ? "The report does not contain the original images." : "The original images stay in S3.",
      ),
      html(
        "ol",
        { class: "worst" },
        data.worst.map((image, i) =>
          html(
            "li",
            { class: "card" },
            drawing(image),
            html(
              "div",
              { class: "words" },
              html("h3", {}, `${i + 1}. `, html("bdi", {}, image.drawing.name)),
              html(
                "ul",
                {},
                image.reasons.map((reason) => html("li", {}, reason)),
              ),
              html("p", {}, `line ${whole(image.line)}, ${percent(image.suspicion)} likely to hold an error`),
              html("p", { dir: "auto" }, image.drawing.s3_uri),
            ),
          ),
        ),
      ),
    );
  };

  // ----------------------------------------------------------------------------------------------- comments

  const written = () => {
    if (!data.comments.length) return;
    const title = "What workers wrote";
    section(
      title,
      paragraph(
        "Comments on images, instances and keypoints, and the reasons for unusable answers. ",
        data.other_comments ? `comments.jsonl has ${whole(data.other_comments)} more.` : "",
      ),
      table(
        "Comments by workers",
        [
          { name: "line", of: (c) => c.line },
          { name: "image", kind: "word", of: (c) => c.source_ref.slice(c.source_ref.lastIndexOf("/") + 1) },
          {
            name: "about",
            kind: "word",
            of: (c) => [c.instance ?? "the image", c.keypoint].filter(Boolean).join(", "),
          },
          { name: "text", kind: "text", of: (c) => c.text },
          { name: "worker", kind: "word", of: (c) => c.worker_id },
        ],
        data.comments,
      ),
    );
  };

  // --------------------------------------------------------------------------------------------- accounting

  const accounting = () => {
    const outcomes = [
      { name: "written", n: quality.written, meaning: "the image has an accepted annotation" },
      { name: "rejected", n: quality.rejected, meaning: "the line or its label is unusable" },
      { name: "failed", n: quality.failed, meaning: "the labelling service reported a failure" },
      { name: "unlabelled", n: quality.unlabeled, meaning: "no worker labelled the image before the job ended" },
    ];
    const columns = [
      { name: "outcome", kind: "word", of: (o) => o.name },
      { name: "meaning", kind: "text", of: (o) => o.meaning },
      { name: "lines", of: (o) => o.n },
      percentColumn("share of lines", (o) => (quality.lines ? o.n / quality.lines : null)),
    ];
    section(
      ALL_LINES,
      paragraph(
        `${outcomes.map((o) => whole(o.n)).join(" + ")} = ${count(quality.lines, "line", "lines")} of the manifest.`,
      ),
      table("Lines by outcome", columns, outcomes),
      data.not_labeled.length
        ? [
            table(
              "Why lines have no annotation",
              [
                { name: "outcome", kind: "word", of: (m) => (m.status === "unlabeled" ? "unlabelled" : m.status) },
                {
                  name: "reason",
                  kind: "text",
                  of: (m) => m.reason,
                  show: (m) => [
                    m.reason,
                    m.differ
                      ? html("span", { class: "basis" }, "The numbers in this text differ between the lines.")
                      : null,
                  ],
                },
                { name: "lines", of: (m) => m.lines },
                { name: "first line", of: (m) => m.line },
              ],
              data.not_labeled,
            ),
            paragraph(
              "Lines are counted from 0, as in rejected.jsonl, which has every line and its reason. ",
              data.other_reasons
                ? `${count(data.other_reasons, "more line has another reason", "more lines have other reasons")}.`
                : "",
            ),
          ]
        : null,
    );
  };

  root.replaceChildren();
  headline();
  distributions();
  keypoints();
  workers();
  anchored();
  emptyAnswers();
  again();
  written();
  accounting();
  root.append(
    html(
      "footer",
      {},
      "Truepoint made this report from the labels. Agreement is not accuracy: workers can agree on a mistake. " +
        "The figures are those of quality.json and workers.json beside this page.",
    ),
  );
})();
