// Makes the world of the overview: node make_map.mjs > ../../src/admin/overview/map/world.txt
//
// Reads Natural Earth 1:50m (npm world-atlas 2.0.2, public domain) and writes one line a territory:
// its code, a tab, and either the path of its shape or the place of its dot (`@x,y`). Whole numbers,
// the map is WIDTH wide; the projection is Equal Earth, so that areas can be compared. The same
// bytes come out each time.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { geoCentroid, geoEqualEarth, geoPath } from "d3-geo";
import { merge } from "topojson-client";
import clipping from "polygon-clipping";
import { presimplify, simplify } from "topojson-simplify";

const require = createRequire(import.meta.url);
const { numericToAlpha2 } = require("i18n-iso-countries");

const WIDTH = 1600;
// What has less area than this on the map (in square units) is a dot.
const DOT_BELOW = 44;
// Islands below this are left out where the territory has a larger piece.
const ISLAND_BELOW = 14;
// The smallest triangle that bends a line, in square degrees.
const DETAIL = 0.035;

const [NORTH, SOUTH] = [83.7, -56.5];
// Cuts what crosses the date line; nothing is resampled.
const projection = geoEqualEarth().precision(0).fitWidth(WIDTH, { type: "Sphere" });
const TOP = projection([0, NORTH])[1];
const HEIGHT = Math.ceil(projection([0, SOUTH])[1] - TOP);
const place = (point) => {
  const [x, y] = projection(point);
  return [Math.round(x), Math.round(y - TOP)];
};

// The rings of a geometry on the map, exact.
function ringsOf(geometry) {
  const rings = [];
  const at = (x, y) => rings[rings.length - 1].push([x, y - TOP]);
  const moveTo = (x, y) => { rings.push([]); at(x, y); };
  geoPath(projection, { beginPath() {}, moveTo, lineTo: at, closePath() {}, arc() {} })(geometry);
  return rings;
}

// Territories with a code of their own that Natural Earth draws as part of another, by where the
// piece lies: [code, west, south, east, north]. Crimea stands with Ukraine, as Denmark sees it.
const PIECES = {
  FR: [
    ["GF", -55, 1, -51, 7], ["GP", -62, 15.7, -60.9, 16.7], ["MQ", -61.4, 14.2, -60.7, 15],
    ["RE", 55, -22, 56, -20], ["YT", 44.8, -13.2, 45.5, -12.5],
  ],
  NO: [["SJ", -10, 70.5, -7, 71.5], ["SJ", 10, 73, 36, 82], ["BV", 3, -55, 4, -54]],
  NL: [["BQ", -71, 11, -61, 19]],
  RU: [["UA", 32, 44.2, 36.7, 46.2]],
};
// What Natural Earth draws without a code.
const UNNAMED = { Somaliland: "SO", Kosovo: "XK", "N. Cyprus": "CY", "Siachen Glacier": "IN" };

// Western Sahara as the United Nations and our list have it: what Natural Earth draws as Morocco
// south of 27°40' is not Morocco. [from, to, a box]
const BEYOND = ["MA", "EH", [[[-20, 20], [-8.67, 20], [-8.67, 27.667], [-20, 27.667], [-20, 20]]]];

// Where a dot stands for what has no shape of its own at this scale: longitude, latitude.
const DOTS = {
  BQ: [-68.27, 12.18], BV: [3.36, -54.42], CC: [96.83, -12.17], CX: [105.66, -10.49],
  GF: [-53.1, 4], GI: [-5.35, 36.14], GP: [-61.55, 16.25], MQ: [-61.02, 14.64], RE: [55.54, -21.12],
  SJ: [16, 78.7], TK: [-171.85, -9.2], TV: [179.2, -8.52], UM: [166.63, 19.28], YT: [45.15, -12.82],
  "RU-CE": [45.7, 43.32],
};

const ringArea = (ring) =>
  Math.abs(ring.reduce((sum, [x, y], i) => {
    const [u, v] = ring[(i + 1) % ring.length];
    return sum + x * v - u * y;
  }, 0)) / 2;

function codeOf(geometry) {
  return geometry.id ? numericToAlpha2(geometry.id) : UNNAMED[geometry.properties.name];
}

// Every polygon of the map with the code it belongs to.
function piecesByCode(topology) {
  const pieces = new Map();
  for (const geometry of topology.objects.countries.geometries) {
    const code = codeOf(geometry);
    if (!code) continue;
    const polygons = geometry.type === "Polygon" ? [geometry.arcs] : geometry.arcs;
    for (const arcs of polygons) {
      const polygon = { type: "Polygon", arcs };
      const [x, y] = geoCentroid(merge(topology, [polygon]));
      const piece = (PIECES[code] ?? []).find(([, w, s, e, n]) => x >= w && x <= e && y >= s && y <= n);
      const owner = piece ? piece[0] : code;
      pieces.set(owner, [...(pieces.get(owner) ?? []), polygon]);
    }
  }
  return pieces;
}

// The geometry of each code, with the line of BEYOND drawn.
function geometries(topology) {
  const drawn = new Map();
  for (const [code, pieces] of piecesByCode(topology)) drawn.set(code, merge(topology, pieces));
  const [from, to, box] = BEYOND;
  const [whole, part] = [drawn.get(from).coordinates, drawn.get(to).coordinates];
  // d3 has outer rings the other way round.
  const turned = (coordinates) =>
    ({ type: "MultiPolygon", coordinates: coordinates.map((rings) => rings.map((ring) => ring.reverse())) });
  drawn.set(to, turned(clipping.union(part, clipping.intersection(whole, box))));
  drawn.set(from, turned(clipping.difference(whole, box)));
  return drawn;
}

function withoutRepeats(ring) {
  const kept = ring.filter((p, i) => i === 0 || p[0] !== ring[i - 1][0] || p[1] !== ring[i - 1][1]);
  const [first, last] = [kept[0], kept[kept.length - 1]];
  return first[0] === last[0] && first[1] === last[1] ? kept.slice(0, -1) : kept;
}

function pathOf(ring) {
  let [x, y] = ring[0];
  let path = `M${x} ${y}l`;
  const steps = ring.slice(1).map(([u, v]) => {
    const step = `${u - x}${v - y < 0 ? "" : " "}${v - y}`;
    [x, y] = [u, v];
    return step;
  });
  path += steps.reduce((all, step) => all + (all && !step.startsWith("-") ? " " : "") + step, "");
  return path + "z";
}

const full = JSON.parse(readFileSync(require.resolve("world-atlas/countries-50m.json"), "utf8"));
const coarse = simplify(presimplify(full), DETAIL);
const lines = [];
const NOTHING = { type: "MultiPolygon", coordinates: [] };
const [exact, drawn] = [geometries(full), geometries(coarse)];
const codes = new Set([...exact.keys(), ...Object.keys(DOTS)]);
for (const code of [...codes].sort()) {
  if (code === "AQ") {
    lines.push([code, "@" + place([0, SOUTH + 1]).join(",")]);
    continue;
  }
  const precise = exact.get(code) ?? NOTHING;
  const whole = ringsOf(precise).reduce((sum, ring) => sum + ringArea(ring), 0);
  const shape = ringsOf(drawn.get(code) ?? NOTHING)
    .map((ring) => withoutRepeats(ring.map((point) => point.map(Math.round))))
    .filter((ring) => ring.length > 3 && ringArea(ring) >= ISLAND_BELOW)
    .sort((a, b) => ringArea(b) - ringArea(a));
  if (whole < DOT_BELOW || shape.length === 0 || code.includes("-")) {
    const at = place(DOTS[code] ?? geoCentroid(precise));
    lines.push([code, `@${at.join(",")}`]);
  } else {
    lines.push([code, shape.map(pathOf).join("")]);
  }
}
console.log(`# ${WIDTH} ${HEIGHT}`);
console.log("# Made with Natural Earth 1:50m (public domain), npm world-atlas 2.0.2, Equal Earth;");
console.log("# by tests/map/make_map.mjs, not by hand. A code, a tab, a path or the place of a dot.");
for (const [code, what] of lines) console.log(`${code}\t${what}`);
