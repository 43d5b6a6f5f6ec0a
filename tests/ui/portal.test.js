import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { newInstance } from "../../src/ui/lib/document.js";
import { readSkeleton } from "../../src/ui/lib/skeleton.js";
import { Api, ApiError, digestOf } from "../../src/ui/portal/api.js";
import { attributesOf } from "../../src/ui/portal/attributes.js";
import { documentOf, withTimesOf } from "../../src/ui/portal/correction.js";
import { bodyOf, deliver } from "../../src/ui/portal/delivery.js";
import { duration, percent, size } from "../../src/ui/portal/format.js";
import { linkTarget } from "../../src/ui/portal/instructions.js";
import { delayOf, isTransient } from "../../src/ui/portal/retry.js";
import { answerLink, jobLink, leadLink, routeOf, signInLink } from "../../src/ui/portal/route.js";
import { askAgainIn, emptyDesk, finish, received, renewAfter } from "../../src/ui/portal/tasks.js";
import { bestLanguage, english, languages, reasonOf, setLanguage, t } from "../../src/ui/portal/texts.js";

// -- addresses

test("an address leads to its view, and nothing else does", () => {
  assert.deepEqual(routeOf(jobLink("People-1")), { view: "job", job: "People-1" });
  assert.deepEqual(routeOf(answerLink("People-1", 12)), { view: "answer", job: "People-1", line: 12 });
  assert.deepEqual(routeOf(leadLink("a")), { view: "lead-job", job: "a" });
  assert.deepEqual(
    ["#/lead", "#/lead/people", "#/lead/log", "#/signed-in"].map((hash) => routeOf(hash).view),
    ["lead", "people", "log", "signed-in"],
  );
  for (const hash of [
    "",
    "#",
    "#/",
    "#/jobs/",
    "#/jobs/../lead",
    "#/jobs/a%2f..",
    "#/jobs/a/answers/-1",
    "#/jobs/a/answers/01",
    "#/jobs/a/answers/1e9",
    "#constructor",
    "#/jobs/-a",
  ]) {
    assert.deepEqual(routeOf(hash), { view: "home" }, hash);
  }
});

test("signing in leads back to where somebody was", () => {
  assert.equal(signInLink("#/jobs/a"), "/api/sign-in?return=%2Fportal%2Findex.html%23%2Fjobs%2Fa");
  assert.equal(
    new URL(signInLink("#/jobs/a&return=//evil"), "https://x").searchParams.get("return"),
    "/portal/index.html#/jobs/a&return=//evil",
  );
});

// -- trying again

test("pauses grow, are spread out, and are never shorter than the server asks for", () => {
  assert.deepEqual(
    [0, 1, 2, 9].map((attempt) => delayOf(attempt, 0, 1)),
    [1000, 2000, 4000, 30_000],
  );
  assert.equal(delayOf(2, 0, 0), 2000);
  assert.equal(delayOf(0, 60, 0), 60_000);
  for (let n = 0; n < 100; n += 1) assert.ok(delayOf(n) >= 500 && delayOf(n) <= 30_000);
});

test("only what may succeed later is tried again", () => {
  assert.deepEqual([0, 429, 500, 502, 503, 504].filter(isTransient), [0, 429, 500, 502, 503, 504]);
  assert.deepEqual([400, 401, 403, 404, 409, 413].filter(isTransient), []);
});

/** A server that gives these answers, one a request, and keeps what it was sent. */
async function serving(...answers) {
  const requests = [];
  const server = createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      requests.push({ method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(parts) });
      const [status, value, headers = {}] = answers.shift() ?? [200, {}];
      if (status === 0) request.socket.destroy();
      else
        response
          .writeHead(status, { "content-type": "application/json", ...headers })
          .end(typeof value === "string" ? value : JSON.stringify(value));
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => server.close());
  return { requests, api: new Api(fetch, `http://127.0.0.1:${server.address().port}`) };
}

test("what is sent carries the digest of its very bytes, also without a body; reading carries none", async () => {
  const { api, requests } = await serving();
  await api.call("POST", "jobs/a/answers/1", { content: { note: "Grüße \u{1f600} \ud800" } });
  await api.call("POST", "jobs/a/tasks");
  await api.call("GET", "me");
  for (const { headers, body } of requests.slice(0, 2)) {
    assert.equal(headers["x-amz-content-sha256"], createHash("sha256").update(body).digest("hex"));
    assert.equal(headers["content-type"], "application/json");
  }
  assert.deepEqual(
    requests.map(({ method, url }) => `${method} ${url}`),
    ["POST /api/jobs/a/answers/1", "POST /api/jobs/a/tasks", "GET /api/me"],
  );
  assert.equal(requests[2].headers["x-amz-content-sha256"], undefined);
  assert.equal(await digestOf(""), createHash("sha256").update("").digest("hex"));
});

test("an error says what the server said, whatever it is", async () => {
  const { api } = await serving(
    [409, { error: { code: "too-late", message: "Gone." } }],
    [502, "<html>"],
    [403, "null"],
    [0],
    [200, "no JSON"],
  );
  const error = () =>
    api.call("GET", "me").then(
      () => assert.fail(),
      (caught) => caught,
    );
  const codes = [await error(), await error(), await error(), await error(), await error()];
  assert.ok(codes.every((one) => one instanceof ApiError));
  assert.deepEqual(
    codes.map(({ status, code }) => [status, code]),
    [
      [409, "too-late"],
      [502, "unknown"],
      [403, "unknown"],
      [0, "no-answer"],
      [0, "no-answer"],
    ],
  );
  assert.deepEqual(
    codes.map((one) => one.isTransient),
    [false, true, false, true, true],
  );
});

test("a request is sent until it succeeds: after a pause, or once somebody has signed in again", async () => {
  const busy = [429, { error: { code: "busy", message: "" } }, { "retry-after": "7" }];
  const { api, requests } = await serving(
    busy,
    [0],
    [503, {}],
    [401, { error: { code: "signed-out" } }],
    busy,
    [409, { error: { code: "other-person" } }],
    [200, { verdict: "accepted" }],
  );
  const pauses = [];
  let signedIn = 0;
  const result = await api.keepTrying(
    "POST",
    "jobs/a/answers/1",
    { content: {} },
    {
      wait: async (error, milliseconds) => pauses.push([error.status, milliseconds >= 7000]),
      signIn: async () => (signedIn += 1),
    },
  );
  assert.deepEqual(result, { verdict: "accepted" });
  assert.deepEqual(pauses, [
    [429, true],
    [0, false],
    [503, false],
    [429, true],
  ]);
  assert.equal(signedIn, 2);
  assert.equal(requests.length, 7);
  assert.equal(new Set(requests.map(({ body }) => String(body))).size, 1);
});

test("a request that is refused for good, or given up, is not sent again", async () => {
  const { api, requests } = await serving([409, {}], [503, {}], [401, {}]);
  await assert.rejects(api.keepTrying("PUT", "a", {}, { wait: () => assert.fail() }), { status: 409 });
  const given = new AbortController();
  await assert.rejects(api.keepTrying("PUT", "a", {}, { signal: given.signal, wait: async () => given.abort() }), {
    status: 503,
  });
  await assert.rejects(
    api.keepTrying(
      "PUT",
      "a",
      {},
      { wait: () => assert.fail(), signIn: () => Promise.reject(new ApiError(401, "signed-out", "")) },
    ),
    { status: 401 },
  );
  assert.equal(requests.length, 3);
});

test("the server's clock counts, not the computer's", async () => {
  const { api } = await serving([200, {}, { date: "Mon, 24 Nov 2025 15:00:00 GMT" }]);
  await api.call("GET", "me");
  assert.ok(Math.abs(api.now() - 1_763_996_400) < 5);
});

// -- tasks

const task = (line, more = {}) => ({
  line,
  image: `https://s3/${line}?sig=1`,
  smallImage: null,
  prelabels: null,
  input: {},
  since: 1000,
  until: 2800,
  ...more,
});
const answer = (...tasks) => ({
  tasks,
  why: tasks.length ? null : "waiting",
  mine: { answers: 3, seconds: 60, skips: 0 },
});
const lines = ({ tasks }) => tasks.map(({ line }) => line);

test("the task that is shown stays first until it is finished", () => {
  let desk = received(emptyDesk(), answer(task(4), task(7)), 1000);
  assert.deepEqual(lines(desk), [4, 7]);
  desk = received(desk, answer(task(7), task(4)), 1100);
  assert.deepEqual(lines(desk), [4, 7]);
  desk = finish(desk, 4);
  assert.deepEqual(lines(desk), [7]);
  desk = received(desk, answer(task(4), task(7)), 1101);
  assert.deepEqual(lines(desk), [7], "an answer that was under way names what is finished");
  desk = received(desk, answer(task(7), task(9)), 1102);
  assert.deepEqual(lines(desk), [7, 9]);
  assert.equal(desk.isLost, false);
});

test("a task is lost only once its lease is over", () => {
  const desk = received(emptyDesk(), answer(task(4), task(7)), 1000);
  const unprepared = received(desk, answer(task(7)), 2000);
  assert.deepEqual([lines(unprepared), unprepared.isLost], [[4, 7], false]);
  const late = received(desk, answer(task(8), task(9)), 2900);
  assert.deepEqual([lines(late), late.isLost], [[4, 8, 9], true]);
  assert.equal(finish(late, 4).isLost, false);
  const paused = received(desk, { ...answer(), why: "paused" }, 1500);
  assert.deepEqual([lines(paused), paused.why, paused.isLost], [[4], "paused", false]);
});

test("links stay while they are fresh, leases are taken over at once", () => {
  const desk = received(emptyDesk(), answer(task(4)), 1000);
  const renewed = (now) => received(desk, answer(task(4, { image: "https://s3/4?sig=2", until: 4600 })), now).tasks[0];
  assert.deepEqual([renewed(2000).image, renewed(2000).until], ["https://s3/4?sig=1", 4600]);
  assert.equal(renewed(2800).image, "https://s3/4?sig=2");
});

test("leases are renewed once half of them is over, not all the time", () => {
  const desk = received(emptyDesk(), answer(task(4), task(7, { until: 3000 })), 1000);
  assert.equal(renewAfter(desk, 1000), 905);
  assert.equal(renewAfter(desk, 2790), 30);
  assert.equal(renewAfter(desk, 9000), 30);
  assert.equal(renewAfter(emptyDesk(), 1000), Infinity);
  assert.deepEqual(["waiting", "paused", "you are paused", "done", "ended", null].map(askAgainIn), [
    20,
    30,
    30,
    Infinity,
    Infinity,
    Infinity,
  ]);
});

// -- the element's attributes

const input = {
  image_s3_uri: "s3://b/1.jpg",
  image_copy_s3_uri: "",
  image_size: "",
  expected_size: '{"width":4000,"height":3000}',
  initial_values: '[{"name":""}]',
  initial_values_s3_uri: "",
  annotation_issues: "[]",
  labeling_job: "people-1",
  worker: "pa",
  max_answer_bytes: "100",
  error: "",
};
const page = {
  name: "People-1",
  title: "",
  description: "",
  attributes: {
    keypointClasses: "[]",
    skeletonRig: "[]",
    skeletonBoundingBox: "{}",
    checkBelow: "0.3",
    offerBelow: "",
  },
  language: "en",
  instructions: "",
};

test("the element gets what the worker template gives it", () => {
  const template = readFileSync(new URL("../../src/ui/worker-task.liquid.html", import.meta.url), "utf8");
  const [tag] = /<crowd-2d-skeleton[^]*?\n {2}>/.exec(template);
  const names = [...tag.matchAll(/\b(\w+)=/g)].map(([, name]) => name).filter((name) => name !== "lang");
  const made = attributesOf(page, { ...task(1), input, prelabels: "https://s3/p" }, { unusable: "Broken" });
  assert.deepEqual(
    Object.keys(made)
      .filter((name) => name !== "skipReasons")
      .sort(),
    names.sort(),
  );
  assert.equal(made.worker, "pa");
  assert.equal(made.imgSrc, "https://s3/1?sig=1");
  assert.equal(made.initialValuesSrc, "https://s3/p");
  assert.equal(made.expectedSize, input.expected_size);
  assert.deepEqual(JSON.parse(made.skipReasons), { unusable: "Broken" });
});

test("a task that an earlier release made states no expected size", () => {
  const earlier = { ...input, expected_size: undefined };
  assert.equal(attributesOf(page, { ...task(1), input: earlier }, {}).expectedSize, "");
});

test("a smaller copy is shown with the size of the image; without one the size is the image's own", () => {
  const sized = { ...input, image_size: '{"width":4000,"height":3000}' };
  const small = attributesOf(page, { ...task(1), input: sized, smallImage: "https://s3/copy" }, {});
  assert.deepEqual(
    [small.imgSrc, small.imageSize, "initialValuesSrc" in small, "skipReasons" in small],
    ["https://s3/copy", sized.image_size, false, false],
  );
  const own = attributesOf(page, { ...task(1), input: sized }, {});
  assert.deepEqual([own.imgSrc, own.imageSize], ["https://s3/1?sig=1", ""]);
});

// -- delivering answers

test("an answer is delivered once, and one that differs from what arrived before corrects it", async () => {
  const sends = (...verdicts) => {
    const sent = [];
    return {
      sent,
      send: async (method) => {
        sent.push(method);
        const next = verdicts.shift();
        if (next instanceof Error) throw next;
        return { verdict: next };
      },
    };
  };
  const cases = [
    [sends("accepted"), [], "accepted", "POST"],
    [sends("repeated"), ["a"], "accepted", "POST"], // the acknowledgement was lost
    [sends("repeated", "accepted"), ["b"], "accepted", "POST PUT"], // and then the work was changed
    [sends("repeated", "accepted"), ["b", "a"], "accepted", "POST PUT"], // nobody knows which of them arrived
    [sends("repeated", "accepted"), [], "accepted", "POST PUT"], // the page was loaded anew
    [sends("repeated", new ApiError(409, "too-late", "")), ["b"], "earlier", "POST PUT"],
  ];
  for (const [{ send, sent }, tried, how, methods] of cases) {
    assert.equal(await deliver(send, "a", new Set(tried)), how);
    assert.equal(sent.join(" "), methods);
  }
  await assert.rejects(deliver(sends("repeated", new ApiError(400, "bad-input", "")).send, "b", new Set("a")), {
    status: 400,
  });
  await assert.rejects(deliver(sends(new ApiError(409, "too-late", "")).send, "b", new Set("a")), { status: 409 });
});

test("the time of an answer is one that the server takes", () => {
  assert.deepEqual(
    ["12", "-3", "1e9", "", "x", undefined].map((text) => bodyOf({ total_time_in_seconds: text }, "p").seconds),
    [12, 0, 86_400, 0, 0, 0],
  );
});

// -- corrections

const skeleton = readSkeleton(
  (name) =>
    ({
      keypointClasses: JSON.stringify(["nose", "left_eye", "right_eye"].map((label) => ({ label }))),
      skeletonRig: "[]",
    })[name] ?? null,
);
const content = {
  updated_annotations: JSON.stringify([
    {
      id: "p0",
      name: "Ada",
      annotations: [{ label: "nose", x: 1, y: 2, visibility: 1 }],
      box: [0, 0, 5, 6],
      comment: "tall",
    },
    { id: "n1", name: "", annotations: [] },
  ]),
  no_changes_needed: "false",
  total_time_in_seconds: "30",
  answer_details: JSON.stringify({
    version: "1.0",
    comment: "dark",
    active_time_in_seconds: 20.5,
    actions: { place: 2 },
    time_per_keypoint: { nose: 4 },
    not_labeled: [
      { id: "p0", label: "left_eye", reason: "outside_image" },
      { id: "n1", label: "nose", reason: "not_visible", comment: "hidden" },
      { id: "p0", label: "nose", reason: "not_visible" },
      { id: "p0", label: "tail" },
      { id: "gone", label: "nose" },
      "nonsense",
    ],
  }),
};

test("an answer is opened as it was submitted, beside the pre-labels it began with", () => {
  const original = { instances: [newInstance("p0", 3, { prelabel: true })], noChanges: false, comment: "" };
  const {
    instances: [first, second],
    comment,
    noChanges,
  } = documentOf(content, skeleton, original);
  assert.deepEqual(first.points, [{ x: 1, y: 2, v: 1 }, { x: 0, y: 0, v: 0, reason: "outside_image" }, null]);
  assert.deepEqual([first.name, first.comment, first.prelabel], ["Ada", "tall", true]);
  assert.deepEqual(first.box, { left: 0, top: 0, right: 5, bottom: 6 });
  assert.deepEqual(second.points, [{ x: 0, y: 0, v: 0, reason: "not_visible", comment: "hidden" }, null, null]);
  assert.deepEqual([second.prelabel, comment, noChanges], [false, "dark", false]);
  assert.equal(documentOf({ ...content, no_changes_needed: "true" }, skeleton, original).noChanges, true);
});

test("an answer that cannot be read opens empty", () => {
  const original = { instances: [], noChanges: false, comment: "" };
  for (const broken of [
    {},
    { updated_annotations: "{", answer_details: "[1]" },
    { updated_annotations: "7", answer_details: '{"not_labeled": 3, "comment": 4}' },
  ]) {
    assert.deepEqual(documentOf(broken, skeleton, original), original);
  }
});

test("a correction's times are added to those of the answer", () => {
  const correction = {
    ...content,
    total_time_in_seconds: "12",
    answer_details: JSON.stringify({ version: "1.0", active_time_in_seconds: 1.5, actions: { place: 1, move: 1 } }),
  };
  const made = withTimesOf(correction, content);
  assert.equal(made.total_time_in_seconds, "42");
  assert.deepEqual(JSON.parse(made.answer_details), {
    version: "1.0",
    active_time_in_seconds: 22,
    actions: { place: 3, move: 1 },
    time_per_keypoint: { nose: 4 },
  });
  assert.equal(made.updated_annotations, correction.updated_annotations);
  assert.equal(withTimesOf(correction, {}).total_time_in_seconds, "12");
});

// -- texts

const shapeOf = (value) => {
  if (typeof value === "function") return `function of ${value.length}`;
  if (typeof value === "string") return value.trim() ? "text" : "empty";
  return Array.isArray(value)
    ? value.map(shapeOf)
    : Object.fromEntries(Object.entries(value).map(([key, part]) => [key, shapeOf(part)]));
};

test("a job of one image has one image", () => {
  const shown = Object.values(languages).map(({ complete }) => [complete("0", "1"), complete("1", "2")]);
  assert.deepEqual(shown, [
    ["0 of 1 image complete", "1 of 2 images complete"],
    ["0 von 1 Bild fertig", "1 von 2 Bildern fertig"],
  ]);
});

test("every language has every text, and each uses what it is given", () => {
  const textsOf = (value) =>
    typeof value === "object"
      ? Object.values(value).flatMap(textsOf)
      : [typeof value === "function" ? value("1", "2") : value];
  assert.equal(
    Object.keys(languages).length,
    1 + readdirSync(new URL("../../src/ui/portal/languages/", import.meta.url)).length,
  );
  for (const [name, texts] of Object.entries(languages)) {
    assert.equal(texts.lang, name);
    assert.deepEqual(shapeOf(texts), shapeOf(english));
    textsOf(texts).forEach((text, n) => assert.equal(text.includes("1"), textsOf(english)[n].includes("1"), text));
  }
});

test("every refusal of the server has a text in every language", () => {
  const folder = new URL("../../src/handlers/truepoint/", import.meta.url);
  const sources = readdirSync(folder, { recursive: true })
    .filter((name) => /^(web|tasks|adapters).*\.py$/.test(name))
    .map((name) => readFileSync(new URL(name, folder), "utf8"))
    .join("\n");
  const raised = /(?:RefusedError\(\s*\d+,|NotPossibleError\(|InvitationError\(|Verdict\.\w+: \()\s*"([^"]*)"/g;
  const codes = [...sources.matchAll(raised)].map(([, code]) => code);
  assert.ok(codes.length > 30, String(codes.length));
  for (const { errors } of Object.values(languages))
    assert.deepEqual(new Set(Object.keys(errors)), new Set([...codes, "no-answer"]));
});

test("what the page says of an error is never the server's English", () => {
  setLanguage("de");
  const said = [
    [409, "ended", "This job has ended."],
    [0, "no-answer", "TypeError: Failed to fetch"],
    [502, "unknown", "Bad Gateway"],
    [413, "unknown", ""],
    [418, "unknown", "I'm a teapot"],
  ].map(([status, code, message]) => reasonOf(new ApiError(status, code, message)));
  assert.deepEqual(
    said,
    ["ended", "no-answer", "try-again", "too-large", "bad-input"].map((code) => languages.de.errors[code]),
  );
  setLanguage("en");
  assert.equal(reasonOf(new Error("a fault of the page")), "a fault of the page");
});

test("every text is used", () => {
  const folder = new URL("../../src/ui/portal/", import.meta.url);
  const sources = readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(".js") && !/texts|languages/.test(name))
    .map((name) => readFileSync(new URL(name, folder), "utf8"))
    .join("\n");
  assert.deepEqual(
    Object.keys(english).filter(
      (name) => !["language"].includes(name) && !new RegExp(`\\bt\\.${name}\\b`).test(sources),
    ),
    [],
  );
});

test("the first language that there is, is taken", () => {
  assert.deepEqual([["fr", "de-AT", "en"], ["DE"], ["constructor"], [], [""]].map(bestLanguage), [
    "de",
    "de",
    "en",
    "en",
    "en",
  ]);
  setLanguage("de");
  assert.equal(t, languages.de);
  setLanguage("en");
  assert.equal(t, english);
});

test("numbers and durations are said in the language of the page", () => {
  assert.deepEqual([0, 59.6, 61, 3600, 11_100, 100_000].map(duration), [
    "0 sec",
    "1 min",
    "1 min",
    "1 hr",
    "3 hr 5 min",
    "27 hr",
  ]);
  assert.deepEqual([0, 1e-6, 1 / 320, 0.004, 0.5, 319 / 320, 0.99996, 1].map(percent), [
    "0%",
    "0.0001%",
    "0.3%",
    "0.4%",
    "50%",
    "99.7%",
    "99.996%",
    "100%",
  ]);
  assert.deepEqual([percent(0.834), size(1), size(2_400_000)], ["83%", "1 kB", "2 MB"]);
});

test("a link of the instructions to the guide leads to the guide beside the page", () => {
  const guide = "/ui/guide/6025746682dcbcba/labeler-guide.html";
  assert.equal(linkTarget(`https://d1.cloudfront.net${guide}`), guide);
  for (const [link, target] of [
    ["https://example.com/guide", "https://example.com/guide"],
    [`https://example.com/${guide}`, `https://example.com/${guide}`],
    ["https://example.com/ui/guide/a/../../x.html", "https://example.com/ui/x.html"],
    [`http://d1.cloudfront.net${guide}`, ""],
    ["javascript:window.ran = 1", ""],
    [guide, ""],
    [null, ""],
  ])
    assert.equal(linkTarget(link), target);
});
