// Signs in to the administration with scripts switched off: name and password, then a code made from
// the secret that the page shows, as a phone makes it.
//
//   node without_scripts.mjs URL NAME PASSWORD      prints the headings on the way

import { createHmac } from "node:crypto";
import { chromium } from "playwright-core";

const [url, name, password] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
const context = await browser.newContext({ javaScriptEnabled: false, locale: "da-DK" });
const page = await context.newPage();
const say = async () => console.log(await page.textContent("h1"));

await page.goto(url);
await say();
await page.fill("#name", name);
await page.fill("#password", password);
await page.click("main form button[type=submit]");
await say();
await page.fill("#code", code(await page.textContent(".secret")));
await page.click("main form button[type=submit]");
await say();
console.log(`passkeys are offered: ${await page.isVisible("[data-passkey]")}`);
await page.click(".account form button");
await say();
await browser.close();

// RFC 6238, with SHA-1, six digits and steps of thirty seconds.
function code(secret) {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret.replaceAll(/\s/g, "")]
    .map((letter) => letters.indexOf(letter).toString(2).padStart(5, "0"))
    .join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000)));
  const digest = createHmac("sha1", key).update(step).digest();
  const offset = digest[19] & 0xf;
  const number = digest.readUInt32BE(offset) & 0x7fffffff;
  return String(number % 1000000).padStart(6, "0");
}
