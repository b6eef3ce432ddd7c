// A WebSocket peer that is not ours.
//
//   node peer.mjs serve HOST PORT         echoes every message, and says on close what it was told
//   node peer.mjs talk URL NAME=VALUE…    sends three messages with these headers, prints a line each,
//                                         closes with 4001 and prints how the other side closed

import { createHash } from "node:crypto";
import { WebSocket, WebSocketServer } from "ws";

const [role, ...rest] = process.argv.slice(2);

if (role === "serve") {
  const server = new WebSocketServer({ host: rest[0], port: Number(rest[1]) });
  server.on("connection", (socket, request) => {
    socket.send(`hello ${request.headers["x-forwarded-for"]} ${request.headers["x-geovagt-country"]}`);
    socket.on("message", (data, binary) => socket.send(data, { binary }));
    socket.on("close", (code, reason) => console.log(`closed ${code} ${reason}`));
  });
} else if (role === "talk") {
  const headers = Object.fromEntries(rest.slice(1).map((pair) => pair.split(/=(.*)/s, 2)));
  const socket = new WebSocket(rest[0], { headers });
  const large = Buffer.alloc(1 << 20, "Ø");
  const messages = ["goddag", "æøå", large];
  socket.on("open", () => messages.forEach((message) => socket.send(message)));
  let count = 0;
  socket.on("message", (data, binary) => {
    console.log(binary ? createHash("sha256").update(data).digest("hex") : data.toString());
    count += 1;
    if (count === messages.length) socket.close(4001, "farvel");
  });
  socket.on("unexpected-response", (_, response) => {
    console.log(`refused ${response.statusCode}`);
    process.exit(0);
  });
  socket.on("close", (code, reason) => console.log(`closed ${code} ${reason}`));
} else {
  console.error("usage: node peer.mjs serve HOST PORT | talk URL NAME=VALUE…");
  process.exit(2);
}
