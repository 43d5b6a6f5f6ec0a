"use strict";
/* Draws the report from the JSON beside it. Text goes in as text only; the page's policy allows nothing else. */
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { quality, consensus } = data;
  const { agreement } = quality;
  const HONEST_PAIR = 0.8; // two workers who scatter as sigma says
  const root = document.getElementById("report");
  const NONE = "–";

  const make = (space) => (tag, attributes = {}, ...children) => {
    const node = document.createElementNS(space, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children.flat().filter((child) => child !== null));
    return node;
  };
  const html = make("http://www.w3.org/1999/xhtml");
  const svg = make("http://www.w3.org/2000/svg");

  const whole = (n) => n.toLocaleString("en");
  const percent = (share) => (share === null ? NONE : `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)}%`);
  const fixed = (value) => (value === null ? NONE : value.toFixed(2));
  const share = (part, all) => (all ? part / all : null);
  const time = (seconds) => {
    if (seconds === null) return NONE;
    if (seconds < 90) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
    return seconds < 5400 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
  };
  const day = (text) => (text ?? "").slice(0, 10);

  const section = (title, note, ...content) =>
    root.append(html("section", { id: title.toLowerCase().replaceAll(" ", "-") }, html("h2", {}, title), note ? html("p", { class: "note" }, note) : null, ...content));

  const table = (columns, rows) =>
    html("div", { class: "scroll" }, html("table", {},
      html("thead", {}, html("tr", {}, columns.map(([name, kind]) => html("th", { scope: "col", class: kind ?? "" }, name)))),
      html("tbody", {}, rows.map((row) => html("tr", {}, row.map((cell, i) => html("td", { class: columns[i][1] ?? "" }, cell)))))));

  const meter = (value, all = 1) => svg("svg", { viewBox: "0 0 72 8", "aria-hidden": "true" },
    svg("rect", { class: "track", width: 72, height: 8, rx: 4 }),
    svg("rect", { class: "bar", width: Math.max(0, Math.min(1, value / all)) * 72, height: 8, rx: 4 }));
  const withMeter = (value) => html("span", {}, percent(value), value === null ? null : meter(value));

  // ------------------------------------------------------------------------------------------------ headline

  const tile = (name, value, more) =>
    html("dl", { class: "tile" }, html("dt", {}, name), html("dd", { class: "value" }, value), html("dd", { class: "more" }, more));

  const headline = () => {
    document.title = `Quality of ${quality.labeling_job}`;
    const days = [day(data.first_label), day(data.last_label)].filter((text, i, all) => text && all.indexOf(text) === i);
    root.append(html("header", {},
      html("h1", {}, quality.labeling_job),
      html("p", {}, [`Skeleton: ${data.skeleton}`, days.length ? `labelled ${days.join(" to ")}` : null, `status: ${data.status}`]
        .filter(Boolean).join(" · "))));
    if (data.status !== "Completed") {
      root.append(html("p", { class: "warning" }, `The job did not end as Completed but as ${data.status}: what is here is what there was until then.`));
    }
    const labeled = quality.keypoints.reduce((sum, k) => sum + k.labeled, 0);
    const times = quality.time_in_seconds;
    const agreed = agreement === null || agreement.oks === null
      ? tile("Agreement", NONE, "no image has several workers: nobody to agree with")
      : tile("Agreement of two workers", fixed(agreement.oks),
        `${percent(agreement.relative)} of the ${fixed(HONEST_PAIR)} that two honest people reach`);
    root.append(html("div", { class: "tiles" },
      tile("Images labelled", whole(quality.written), `${percent(share(quality.written, quality.lines))} of ${whole(quality.lines)} lines`),
      tile("Instances", whole(quality.instances), `${whole(labeled)} keypoints; ${whole(quality.empty_answers)} answers label nothing`),
      agreed,
      tile("To look at again", whole(quality.instances_needing_review + quality.instances_below_quorum),
        data.worst.length ? html("a", { href: "#look-at-these-first" }, "disputed, or marked by too few workers") : "no instance has been disputed"),
      tile("Time an image", time(times.median), times.images ? `median, its workers together; ${time(times.total)} in all` : "no times known")));
  };

  // --------------------------------------------------------------------------------------------- histograms

  const histogram = (title, bins, { tick, ticks, mark = null, markText = "" }) => {
    const [width, height, left, bottom, top] = [360, 180, 8, 22, 30];
    const most = Math.max(1, ...bins);
    const step = (width - 2 * left) / bins.length;
    const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title });
    bins.forEach((n, i) => {
      const high = (n / most) * (height - bottom - top);
      drawing.append(svg("rect", { class: "bar", x: left + i * step + 0.5, y: height - bottom - high, width: Math.max(1, step - 1), height: high },
        svg("title", {}, `${tick(i)} to ${tick(i + 1)}: ${whole(n)}`)));
    });
    drawing.append(svg("line", { class: "axis", x1: left, x2: width - left, y1: height - bottom, y2: height - bottom }));
    for (const i of ticks) {
      const anchor = i === 0 ? "start" : i === bins.length ? "end" : "middle";
      drawing.append(svg("text", { x: left + i * step, y: height - 7, "text-anchor": anchor }, tick(i)));
    }
    drawing.append(svg("text", { x: left, y: 12 }, `tallest: ${whole(most)}`));
    if (mark !== null) {
      const x = left + mark * bins.length * step;
      drawing.append(svg("line", { class: "mark", x1: x, x2: x, y1: 4, y2: height - bottom }));
      drawing.append(svg("text", { class: "marked", x: x - 5, y: 12, "text-anchor": "end" }, markText));
    }
    return html("div", { class: "card" }, html("h3", {}, title), drawing);
  };

  const distributions = () => {
    const cards = [];
    if (consensus.instances) {
      const bins = consensus.bins;
      cards.push(histogram("Similarity of workers to the consensus, by instance", bins, {
        tick: (i) => (i / bins.length).toFixed(2).replace(/0$/, ""), ticks: [0, bins.length / 4, bins.length / 2, (3 * bins.length) / 4, bins.length],
        mark: consensus.ceiling, markText: `honest people: ${fixed(consensus.ceiling)}`,
      }));
    }
    if (quality.time_in_seconds.images) {
      // the first bin is below the first edge, the last above the last
      const used = data.time_bins.map((n, i) => (n ? i : -1)).filter((i) => i >= 0);
      const first = Math.max(0, used[0] - 1), last = Math.min(data.time_bins.length, used.at(-1) + 2);
      const edge = (i) => (i <= 0 ? "0" : i > data.time_edges.length ? "more" : time(data.time_edges[i - 1]));
      const bins = data.time_bins.slice(first, last);
      const every = Math.ceil(bins.length / 5);
      cards.push(histogram("Time an image, by image", bins, {
        tick: (i) => edge(first + i), ticks: [...bins.keys()].filter((i) => i % every === 0),
      }));
    }
    if (cards.length) {
      section("Distributions", "Similarity is object keypoint similarity (OKS): 1 is the same spot, 0 far away, on the scale by which people differ. "
        + "Two honest people differ too: what they reach is the yardstick, not 1.", html("div", { class: "columns" }, cards));
    }
  };

  // ---------------------------------------------------------------------------------------------- keypoints

  const places = () => {
    const known = data.keypoints.every((k) => k.place);
    const turn = (2 * Math.PI) / data.keypoints.length;
    const raw = data.keypoints.map((k, i) => (known ? k.place : [Math.sin(i * turn), -Math.cos(i * turn)]));
    const [xs, ys] = [raw.map((p) => p[0]), raw.map((p) => p[1])];
    const [x0, y0] = [Math.min(...xs), Math.min(...ys)];
    const size = Math.max(Math.max(...xs) - x0, Math.max(...ys) - y0) || 1;
    return raw.map(([x, y]) => [40 + (280 * (x - x0)) / size, 24 + (280 * (y - y0)) / size]);
  };

  const STEPS = [0.5, 0.75, 0.9, 0.97];
  const grade = (value, all) => (value === null ? "none" : `q${STEPS.filter((step) => value / all >= step).length}`);

  const onSkeleton = (title, values, all, text) => {
    const at = places();
    const right = Math.max(...at.map((p) => p[0])) + 40;
    const drawing = svg("svg", { class: "skeleton", viewBox: `0 0 ${Math.max(200, right)} ${Math.max(...at.map((p) => p[1])) + 24}`, role: "img", "aria-label": title });
    for (const [a, b] of data.edges) {
      drawing.append(svg("line", { class: "edge", x1: at[a][0], y1: at[a][1], x2: at[b][0], y2: at[b][1] }));
    }
    data.keypoints.forEach((k, i) => {
      drawing.append(svg("circle", { class: `node ${grade(values[i], all)}`, cx: at[i][0], cy: at[i][1], r: 8 }, svg("title", {}, `${k.name}: ${text(values[i])}`)));
    });
    const lowest = values.map((value, i) => [value, i]).filter(([value]) => value !== null && value / all < STEPS[3])
      .sort((a, b) => a[0] - b[0]).slice(0, 4);
    const taken = [];
    for (const [value, i] of lowest) {
      // a figure on top of another can be read by nobody; the lower one stays
      if (taken.some((j) => Math.abs(at[i][0] - at[j][0]) < 36 && Math.abs(at[i][1] - at[j][1]) < 14)) continue;
      taken.push(i);
      drawing.append(svg("text", { class: "strong", x: at[i][0], y: at[i][1] - 12, "text-anchor": "middle" }, text(value)));
    }
    const words = ["below 50%", "50 to 75%", "75 to 90%", "90 to 97%", "97% and more"];
    const legend = words.map((word, i) => html("li", {}, svg("svg", { viewBox: "0 0 10 10", "aria-hidden": "true" }, svg("circle", { class: `q${i}`, cx: 5, cy: 5, r: 5 })), word));
    return html("div", { class: "card" }, html("h3", {}, title), drawing, html("ul", { class: "legend" }, legend));
  };

  const keypoints = () => {
    const completeness = quality.keypoints.map((k) => k.completeness);
    const cards = [onSkeleton("Labelled, of all instances", completeness, 1, percent)];
    const columns = [["keypoint", "word"], ["labelled"], ["of instances"], ["visible"], ["occluded"]];
    let more = () => [];
    if (agreement) {
      const by = new Map(agreement.keypoints.map((k) => [k.name, k]));
      const alike = (name, what) => by.get(name)?.[what] ?? null;
      cards.push(onSkeleton(`Likeness of two workers, of what two honest people reach`, data.keypoints.map((k) => alike(k.name, "relative")), 1, percent));
      columns.push(["alike"], ["of honest"], ["pairs"], ["α place"], ["α visibility"]);
      more = (name) => [...["similarity", "relative", "pairs", "alpha_position", "alpha_visibility"].entries()].map(([i, what]) => {
        const value = alike(name, what);
        return value === null ? NONE : i === 1 ? withMeter(value) : i === 2 ? whole(value) : fixed(value);
      });
    }
    section("Keypoints", "The lowest figures are written beside their keypoints; all are in the table."
      + (agreement ? " Alike is the mean similarity of two workers; α is Krippendorff's: 1 is full agreement, 0 is chance." : ""),
    html("div", { class: "columns" }, cards));
    const rows = quality.keypoints.map((k) => [k.name, whole(k.labeled), withMeter(k.completeness), percent(k.visible_share), whole(k.occluded), ...more(k.name)]);
    root.lastElementChild.append(table(columns, rows));
    const unknown = Object.entries(quality.unknown_keypoints);
    if (unknown.length) {
      const names = unknown.slice(0, 20).map(([name, n]) => `${name} (${whole(n)})`).join(", ");
      root.lastElementChild.append(html("p", { class: "warning" }, `Keypoints that the skeleton does not have: ${names}${unknown.length > 20 ? " and more" : ""}`));
    }
  };

  // ------------------------------------------------------------------------------------------------ workers

  const rate = (one) => html("span", { title: one.n ? `${whole(one.count)} of ${whole(one.n)}; 95% interval ${percent(one.low)} to ${percent(one.high)}` : "no cases" }, percent(one.share));

  const workers = () => {
    if (!quality.workers.length) return;
    const reports = new Map(data.workers.map((w) => [w.worker_id, w]));
    const compared = data.workers.some((w) => w.against_others.instances);
    const gold = data.workers.some((w) => w.against_gold.instances);
    const slowest = Math.max(...quality.workers.map((w) => w.mean_time_in_seconds ?? 0)) || 1;
    const columns = [["worker", "word"], ["images"], ["unusable"], ["empty"]];
    if (compared) columns.push(["of honest"], ["instances"], ["good"], ["jitter"], ["sides"], ["misses"], ["left out"], ["overlooked"]);
    if (gold) columns.push(["gold, of honest"], ["gold"]);
    columns.push(["mean time"]);
    const rows = quality.workers.map((w) => {
      const report = reports.get(w.worker_id);
      const row = [w.worker_id, whole(w.answers), whole(w.unusable), html("span", { title: `${whole(w.empty)} answers without a keypoint and without a box` }, whole(w.empty))];
      const blank = (n) => Array.from({ length: n }, () => NONE);
      if (compared) {
        const found = report?.against_others;
        row.push(...(found?.instances ? [withMeter(found.relative), whole(found.instances),
          ...["good", "jitter", "inversion", "miss", "missing"].map((kind) => (found.errors[kind] ? rate(found.errors[kind]) : NONE)), rate(found.missed)] : blank(8)));
      }
      if (gold) row.push(...(report?.against_gold.instances ? [withMeter(report.against_gold.relative), whole(report.against_gold.instances)] : blank(2)));
      return [...row, html("span", {}, time(w.mean_time_in_seconds), w.mean_time_in_seconds === null ? null : meter(w.mean_time_in_seconds, slowest))];
    });
    section("Workers", "Ground Truth's pseudonyms. Empty answers label nothing; images without a label are at the end of the review list. "
      + (compared ? "Each is compared with what the others agree on without them: how alike, of what honest people reach, and the share of keypoints that are good, near (jitter), "
        + "on the other side, far off (misses) or left out; overlooked are whole instances. Point at a share for its count and interval. " : "")
      + "Few instances say little: nobody should be judged by fewer than twenty.", table(columns, rows));
  };

  // -------------------------------------------------------------------------------------------------- worst

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
    const picture = svg("svg", { viewBox: box.join(" "), role: "img", "aria-label": `Keypoints of ${image.name}` });
    picture.append(svg("rect", { class: "frame", x: 0, y: 0, width: image.width ?? 640, height: image.height ?? 480 }));
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
        picture.append(svg("circle", { class: kind, cx: x, cy: y, r: 3.2 * unit }, svg("title", {}, data.keypoints[k].name)));
      }
    });
    return picture;
  };

  const worst = () => {
    if (!data.worst.length) return;
    section("Look at these first", "The images most likely to hold a label error; suspicious.jsonl has the whole list. Drawn is the part around it: in colour the accepted labels (hollow: occluded), "
      + "in grey each worker's own. The pictures stay in S3.",
    html("ol", { class: "worst" }, data.worst.map((image, i) => html("li", { class: "card" }, drawing(image),
      html("div", { class: "words" }, html("h3", {}, `${i + 1}. ${image.drawing.name}`), html("ul", {}, image.reasons.map((reason) => html("li", {}, reason))),
        html("p", {}, `line ${whole(image.line)} · ${percent(image.suspicion)} likely to hold an error`), html("p", {}, image.drawing.s3_uri))))));
  };

  // ----------------------------------------------------------------------------------------------- comments

  const written = () => {
    if (!data.comments.length) return;
    const rows = data.comments.map(({ line, source_ref: image, worker_id: worker, instance, keypoint, text }) =>
      [whole(line), image.slice(image.lastIndexOf("/") + 1), [instance ?? "the image", keypoint].filter(Boolean).join(", "), text, worker]);
    if (data.other_comments) rows.push(["", "", "", `${whole(data.other_comments)} more, in comments.jsonl`, ""]);
    section("What workers wrote", "Comments on instances and keypoints, and why an answer could not be used.",
      table([["line"], ["image", "word"], ["about", "word"], ["text", "text"], ["worker", "word"]], rows));
  };

  // --------------------------------------------------------------------------------------------- accounting

  const accounting = () => {
    const parts = [["written", quality.written], ["rejected", quality.rejected], ["failed", quality.failed], ["unlabelled", quality.unlabeled]];
    const bar = svg("svg", { viewBox: "0 0 600 14", preserveAspectRatio: "none", role: "img", "aria-label": "lines by outcome" });
    let x = 0;
    parts.forEach(([name, n], i) => {
      const width = (600 * n) / (quality.lines || 1);
      bar.append(svg("rect", { class: `s${i}`, x, width, height: 14 }, svg("title", {}, `${name}: ${whole(n)}`)));
      x += width;
    });
    const legend = parts.map(([name, n], i) => html("li", {}, svg("svg", { viewBox: "0 0 10 10", "aria-hidden": "true" }, svg("rect", { class: `s${i}`, width: 10, height: 10, rx: 2 })), `${name}: ${whole(n)}`));
    section("Every line accounted for", `${parts.map(([, n]) => whole(n)).join(" + ")} = ${whole(quality.lines)} lines of the manifest.`,
      html("div", { class: "card" }, bar, html("ul", { class: "legend" }, legend)));
    if (data.not_labeled.length) {
      const rows = data.not_labeled.map(([status, reason, n]) => [status === "unlabeled" ? "unlabelled" : status, reason, whole(n)]);
      if (data.other_reasons) rows.push(["", "other reasons, in rejected.jsonl", whole(data.other_reasons)]);
      root.lastElementChild.append(table([["outcome", "word"], ["reason", "text"], ["lines"]], rows));
    }
  };

  root.replaceChildren();
  headline();
  distributions();
  keypoints();
  workers();
  worst();
  written();
  accounting();
  root.append(html("footer", {}, "Made by Truepoint from the labels themselves. Agreement is not accuracy: workers can agree on a mistake. "
    + "The figures are those of quality.json beside this page."));
})();
