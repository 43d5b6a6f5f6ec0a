import assert from "node:assert/strict";
import { test } from "node:test";
import { answerFields, imageName, imageUri } from "../../src/ui/lib/answer.js";
import { docOf } from "../../src/ui/lib/document.js";
import { fetchPrelabels, readIssues, readPrelabels } from "../../src/ui/lib/prelabels.js";
import { Clock } from "../../src/ui/lib/clock.js";
import { index, person } from "./people.js";

const answer = (instances, more = {}) =>
  answerFields({
    doc: docOf(instances),
    skeleton: person,
    attributes: (name) => ({ imageS3Uri: "s3://bucket/a/b%20c.jpg", imgSrc: "https://host/x?sig=1" })[name] ?? null,
    original: "",
    totalSeconds: 7.4,
    details: {},
    ...more,
  });
const roundTrip = (value) => {
  const { instances, problems } = readPrelabels(JSON.stringify(value), null, person);
  return { problems, back: JSON.parse(answer(instances).updated_annotations), instances };
};

test("seven fields, all text", () => {
  const fields = answer([]);
  assert.deepEqual(Object.keys(fields), [
    "updated_annotations",
    "original_annotations",
    "image_s3_uri",
    "image_name",
    "no_changes_needed",
    "total_time_in_seconds",
    "answer_details",
  ]);
  for (const value of Object.values(fields)) assert.equal(typeof value, "string");
  assert.equal(fields.original_annotations, "[]");
  assert.equal(fields.no_changes_needed, "false");
  assert.equal(fields.total_time_in_seconds, "7");
  assert.equal(fields.image_name, "b c.jpg");
});

test("an address never carries a signature", () => {
  const uriOf = (imgSrc, imageS3Uri = null) => imageUri((name) => ({ imgSrc, imageS3Uri })[name]);
  assert.equal(
    uriOf("https://host/a/photo.jpg?X-Amz-Credential=a/b/aws4_request&X-Amz-Signature=abc#f"),
    "https://host/a/photo.jpg",
  );
  assert.equal(imageName("https://host/a/photo.jpg"), "photo.jpg");
  assert.equal(uriOf("https://x", "s3://b/k"), "s3://b/k");
  assert.equal(uriOf("data:image/png;base64,AAAA"), "data:");
  assert.equal(imageName("s3://b/100%.jpg"), "100%.jpg");
});

test("floats, visibility, names, options and unknown fields come back as they came", () => {
  const given = [
    {
      id: "car-7",
      name: "Ann",
      score: 0.25,
      annotation_options: { line_color: "#6a5acd", editable: true },
      annotations: [
        { label: "nose", x: 1998.2534246575342, y: 299.5, visibility: 1, model: "v3" },
        { label: "left_eye", x: 3, y: 4, visibility: 2 },
      ],
    },
  ];
  const { back, problems } = roundTrip(given);
  assert.deepEqual(problems, []);
  assert.deepEqual(back, given);
});

test("no visibility means visible; ids are given by place and never doubled", () => {
  const { back } = roundTrip([
    { name: "a", annotations: [{ label: "nose", x: 1, y: 2 }] },
    { id: "x", annotations: [] },
    { id: "x", annotations: [] },
  ]);
  assert.deepEqual(
    back.map(({ id }) => id),
    ["p0", "x", "p2"],
  );
  assert.equal(back[0].annotations[0].visibility, 2);
});

test("unknown labels and second copies are kept and reported, and do not affect the answer", () => {
  const { back, problems } = roundTrip([
    {
      annotations: [
        { label: "nose", x: 1, y: 2, visibility: 2 },
        { label: "nose", x: 5, y: 6 },
        { label: "tail", x: 3, y: 4 },
        { label: "left_eye", x: "4", y: 1 },
        7,
      ],
    },
  ]);
  assert.match(problems[0], /“nose”.*“tail”.*“left_eye”/);
  assert.deepEqual(back[0].annotations, [
    { label: "nose", x: 1, y: 2, visibility: 2 },
    { label: "tail", x: 3, y: 4 },
  ]);
  assert.deepEqual(back[0].unusable_annotations, [
    { label: "nose", x: 5, y: 6 },
    { label: "left_eye", x: "4", y: 1 },
    7,
  ]);
});

test("what readers of answers refuse is kept aside, unchanged", () => {
  const nose = { label: "nose", x: 1, y: 2, visibility: 2 };
  const far = { label: "left_eye", x: -1000001, y: 2 };
  const { back } = roundTrip([
    { id: "x".repeat(129), annotations: [nose, far], box: [0, 0, 1e7, 5] },
    { annotations: [nose], box: "none" },
    { annotations: [nose], box: null },
    { annotations: [nose], box: [1, 2, 3, 4] },
  ]);
  assert.deepEqual(
    back.map(({ id, box, unusable_box, unusable_annotations }) => [id, box, unusable_box, unusable_annotations]),
    [
      ["p0", undefined, [0, 0, 1e7, 5], [far]],
      ["p1", undefined, "none", undefined],
      ["p2", undefined, undefined, undefined],
      ["p3", [1, 2, 3, 4], undefined, undefined],
    ],
  );
  for (const { annotations } of back) assert.deepEqual(annotations, [nose]);
});

test("unreadable pre-labels give an empty start and a message", () => {
  for (const text of ["{", "{}", "7"]) {
    const { instances, problems } = readPrelabels(text, null, person);
    assert.deepEqual(instances, []);
    assert.equal(problems.length, 1);
  }
  for (const text of [null, "", "  ", "[]"]) assert.deepEqual(readPrelabels(text, null, person).instances, []);
});

test("a bare list of keypoints is one instance", () => {
  assert.equal(roundTrip([{ label: "nose", x: 356, y: 73 }]).back[0].annotations[0].x, 356);
});

test("editable: false locks; a style decides the outline only", () => {
  const { instances } = roundTrip([
    {
      annotations: [],
      annotation_options: { editable: false, keypoint_style: "SolidSquare", keypoint_color: "javascript:x" },
    },
  ]);
  assert.equal(instances[0].locked, true);
  assert.deepEqual(instances[0].options, { line: undefined, marker: undefined, shape: "square" });
});

test("reasons for keypoints without a place", () => {
  const { instances } = roundTrip([{ annotations: [] }]);
  instances[0].points[index("nose")] = { x: 0, y: 0, v: 0, reason: "outside_image", comment: "cut off" };
  const details = JSON.parse(answer(instances).answer_details);
  assert.equal(details.version, "1.0");
  assert.deepEqual(details.not_labeled, [{ id: "p0", label: "nose", reason: "outside_image", comment: "cut off" }]);
});

test("issues: objects with a reason, strings, one, none, bad text", () => {
  assert.deepEqual(readIssues('[{"reason": "wrist"}, "hip", {"other": 1}]'), ["wrist", "hip", '{"other":1}']);
  assert.deepEqual(readIssues('{"reason": "one"}'), ["one"]);
  assert.deepEqual(readIssues(null), []);
  assert.deepEqual(readIssues("look here"), ["look here"]);
});

test("active time: gaps count up to thirty seconds; time per keypoint", () => {
  const clock = new Clock();
  clock.run(1000);
  clock.placed("nose", 3000);
  clock.tick(103_000);
  clock.placed("nose", 104_000);
  clock.act("click", 104_000);
  assert.deepEqual(clock.details(), {
    active_time_in_seconds: 33,
    actions: { click: 1 },
    time_per_keypoint: { nose: 33 },
  });
  assert.equal(clock.totalSeconds(104_000), 103);
});

test("times: nothing counts before the image or on a hidden page, and those of a draft are added", () => {
  const clock = new Clock();
  clock.tick(500_000);
  clock.run(1_000_000);
  clock.run(1_001_000);
  clock.pause(1_002_000);
  clock.tick(1_900_000);
  assert.equal(clock.totalSeconds(2_000_000), 2);
  clock.run(2_000_000);
  clock.placed("nose", 2_001_000);
  const later = new Clock();
  later.run(0);
  later.restore(JSON.parse(JSON.stringify(clock.save(2_004_000))));
  later.placed("nose", 4000);
  assert.equal(later.totalSeconds(4000), 10);
  assert.deepEqual(later.details().time_per_keypoint, { nose: 7 });
  for (const bad of [
    null,
    {},
    { total: "1" },
    { total: 1, active: 1, placedAt: 0, actions: { a: "b" }, perKeypoint: {} },
  ])
    later.restore(bad);
  assert.equal(later.totalSeconds(4000), 10);
});

test("pre-labels by reference: an object with annotations, or an error", async (t) => {
  const { signal } = new AbortController();
  const answers = (status, body) => t.mock.method(globalThis, "fetch", async () => new Response(body, { status }));
  const body = JSON.stringify({
    annotations: [{ annotations: [{ label: "nose", x: 0.1, y: 2 }] }],
    annotation_issues: ["look"],
  });
  answers(200, body);
  const { instances, issues, text } = await fetchPrelabels(
    "https://host/labels.json?X-Amz-Signature=1",
    person,
    signal,
  );
  assert.equal(instances[0].points[index("nose")].x, 0.1);
  assert.deepEqual(issues, ["look"]);
  assert.deepEqual(JSON.parse(text()), JSON.parse(body).annotations);
  for (const [status, bad] of [
    [403, body],
    [200, "{"],
    [200, "null"],
    [200, "[]"],
    [200, "{}"],
    [200, '{"annotations": null}'],
    [404, ""],
  ]) {
    answers(status, bad);
    await assert.rejects(fetchPrelabels("https://host/x", person, signal), `${status} ${bad}`);
  }
});

test("a keypoint may have the name of anything that objects inherit", () => {
  const names = ["constructor", "__proto__", "toString"];
  const clock = new Clock();
  clock.run(0);
  names.forEach((name, n) => {
    clock.act("key", n * 1000);
    clock.placed(name, (n + 1) * 1000);
  });
  const again = new Clock();
  again.restore(JSON.parse(JSON.stringify(structuredClone(clock.save(3000)))));
  for (const { perKeypoint } of [clock, again])
    assert.deepEqual(
      Object.entries(perKeypoint),
      names.map((name) => [name, 1000]),
    );
  assert.deepEqual(
    Object.entries(again.details().time_per_keypoint),
    names.map((name) => [name, 1]),
  );
});
