// Runs axe-core (WCAG 2.1 A and AA, and its best practices) over pages, on a phone, on a narrow
// phone, on a desk, by day and by night, and looks whether anything has to be scrolled sideways.
//
//   node check.mjs URL…        exit 0: nothing found; 1: something found; 2: usage
//
// The pages forbid scripts, so their policy is set aside in this browser alone; what it says is
// tested in src/gateway/pages and src/admin. CHROMIUM names another browser than /usr/bin/chromium,
// COOKIE (name=value) what the browser brings along: somebody who is signed in. FORM (JSON) is a form
// that is filled in and sent on each page, so that the page behind it is looked at: write {selector:
// text}, choose {selector: value}, tick [selector], send selector, arrives selector.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const urls = process.argv.slice(2);
if (urls.length === 0) {
  console.error("usage: node check.mjs URL…");
  process.exit(2);
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"];
// 640 pixels is a window of 1,280 at 200 %.
const widths = [320, 390, 640, 1280];
const schemes = ["light", "dark"];

const form = process.env.FORM ? JSON.parse(process.env.FORM) : null;
const sendForm = async (page) => {
  for (const [selector, text] of Object.entries(form.write ?? {})) await page.fill(selector, text);
  for (const [selector, value] of Object.entries(form.choose ?? {})) await page.selectOption(selector, value);
  for (const selector of form.tick ?? []) await page.check(selector, { force: true });
  await Promise.all([page.waitForNavigation(), page.$eval(form.send, (button) => button.click())]);
  await page.waitForSelector(form.arrives);
};

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
let found = 0;
const tell = (url, circumstances, what) => {
  found += 1;
  console.log(`${url} (${circumstances}): ${what}`);
};

for (const colorScheme of schemes) {
  const context = await browser.newContext({ colorScheme, bypassCSP: true, ignoreHTTPSErrors: true });
  if (process.env.COOKIE) {
    const [name, value] = process.env.COOKIE.split("=");
    await context.addCookies(urls.map((url) => ({ name, value, url })));
  }
  const page = await context.newPage();
  for (const url of urls) {
    for (const width of widths) {
      const circumstances = `${width} px, ${colorScheme}`;
      await page.setViewportSize({ width, height: 844 });
      const fetched = [];
      const note = (request) => request.isNavigationRequest() || fetched.push(request.url());
      page.on("request", note);
      try {
        await page.goto(url);
        if (form) await sendForm(page);
      } catch (error) {
        tell(url, circumstances, `cannot be opened: ${error.message.split("\n")[0]}`);
        continue;
      } finally {
        page.off("request", note);
      }
      for (const address of fetched) {
        if (!address.startsWith("data:")) tell(url, circumstances, `fetches ${address}`);
      }
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      if (wide > 0) tell(url, circumstances, `${wide} px too wide`);
      for (const target of await page.evaluate(smallTargets)) {
        tell(url, circumstances, `target lower than 44 px: ${target}`);
      }
      await page.evaluate(axe);
      const { violations } = await page.evaluate((values) => window.axe.run({ runOnly: { type: "tag", values } }), rules);
      for (const { id, impact, help, nodes } of violations) {
        for (const node of nodes) tell(url, circumstances, `${id} (${impact}): ${help}: ${node.html}`);
      }
    }
  }
  await context.close();
}
await browser.close();
console.log(`${urls.length} pages, ${widths.length * schemes.length} ways each: ${found} findings`);
process.exit(found === 0 ? 0 : 1);

// Links inside a sentence are exempt (WCAG 2.5.5); a label belongs to the target that it names.
function smallTargets() {
  const target = (element) => (/^(checkbox|radio)$/.test(element.type) && element.closest("label")) || element;
  return [...document.querySelectorAll("a, button, input:not([type=hidden])")]
    .filter((element) => {
      const inSentence = element.tagName === "A" && getComputedStyle(element).display === "inline";
      return !inSentence && target(element).getBoundingClientRect().height < 44;
    })
    .map((element) => element.outerHTML);
}
