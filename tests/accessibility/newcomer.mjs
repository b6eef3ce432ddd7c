// Somebody who has read nothing starts the demo, opens the first address that it prints, and clicks
// what the pages show, by the words that stand there.
//
//   node newcomer.mjs LANGUAGE SIZE SCRIPTS      such as `da phone plain` or `en desk scripts`; what
//                                                the demo printed comes on standard input
//
// Prints a line for each thing that was done; exit 0: all of them. DOWNLOADS names the directory for
// files that are downloaded, PICTURES one for pictures (none: no pictures).

import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [language, size, scripts] = process.argv.slice(2);
const printed = readFileSync(0, "utf8");
const found = (pattern) => printed.match(pattern)?.[1] ?? assert.fail(`the demo prints no ${pattern}`);
const start = found(/Start here, in a browser: (\S+)/);
const administration = found(/Administration, for each of them: (\S+)/);
const password = (name) => found(new RegExp(`^ *${name.replace(".", "\\.")} +(\\S+)`, "m"));
const place = (name) => found(new RegExp(`(http://\\S+/) +as if you were in ${name}`));
const w = (danish, english) => (language === "da" ? danish : english);
const day = (ahead) => {
  const at = new Date(Date.now() + ahead * 86_400_000);
  return at.toLocaleDateString("sv-SE", { timeZone: "Europe/Copenhagen" });
};

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
const pages = [];
async function stranger() {
  const context = await browser.newContext({
    javaScriptEnabled: scripts === "scripts",
    locale: w("da-DK", "en-GB"),
    viewport: size === "phone" ? { width: 390, height: 844 } : { width: 1280, height: 900 },
  });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  pages.push(page);
  return page;
}
const link = (page, name) => page.getByRole("link", { name, exact: true }).first();
const button = (page, name) => page.getByRole("button", { name, exact: true }).first();
const field = (page, name) => page.getByLabel(name, { exact: true }).first();
const heading = (page) => page.locator("h1").innerText();
const main = (page) => page.locator("main").innerText();

// Presses something that leads to another page, and waits until that one is there.
async function press(page, what) {
  const before = page.url();
  await Promise.all([page.waitForEvent("framenavigated"), what.click()]);
  await page.waitForLoadState();
  assert.notEqual(await heading(page), "", `${before} leads to a page without a heading`);
}
async function signIn(page, name, address) {
  await page.goto(address);
  await whoIsIt(page, name);
}
async function whoIsIt(page, name) {
  await field(page, w("Brugernavn", "User name")).fill(name);
  await field(page, w("Adgangskode", "Password")).fill(password(name));
  await press(page, button(page, w("Log ind", "Sign in")));
}
async function employee(name) {
  const page = await stranger();
  await page.goto(start);
  await press(page, link(page, w("Åbn administrationen", "Open the administration")));
  assert.ok(page.url().startsWith(administration), page.url());
  await whoIsIt(page, name);
  return page;
}
async function until(what, condition) {
  for (let attempt = 0; attempt < 240; attempt += 1) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  assert.fail(what);
}
// What stands in the README: the upper part of a page.
async function picture(page, name, height) {
  if (!process.env.PICTURES) return;
  const clip = { x: 0, y: 0, width: page.viewportSize().width, height };
  await page.screenshot({ path: join(process.env.PICTURES, name), clip, fullPage: true });
}
async function download(page, what) {
  const [file] = await Promise.all([page.waitForEvent("download"), what.click()]);
  const path = join(process.env.DOWNLOADS, file.suggestedFilename());
  await file.saveAs(path);
  return path;
}
const done = (what) => console.log(what);

// What a rejected person reads out.
async function rejected(from) {
  const page = await stranger();
  await page.goto(start);
  await press(page, link(page, from));
  const reference = (await main(page)).match(/[0-9A-Z]{4}-[0-9A-Z]{4}/)?.[0];
  assert.ok(reference, await main(page));
  return reference;
}
async function journey(page, who, where, { from = 0, days = 6, grant = false, mail = "" } = {}) {
  if (who) await field(page, w("Hvem rejser?", "Who travels?")).fill(who);
  await field(page, w("Land", "Country")).fill(where);
  await field(page, w("Første dag", "First day")).fill(day(from));
  await field(page, w("Sidste dag", "Last day")).fill(day(from + days));
  await field(page, "kilden").check();
  await field(page, w("Hvad handler rejsen om?", "What is the journey for?")).fill("Studietur");
  if (grant) {
    await field(page, w("Sagsnummer", "Case number")).fill("26/1234");
    await field(page, w("Privat mailadresse (kan udelades)", "Private mail address (optional)")).fill(mail);
  } else {
    await field(page, w("Udstyr", "Devices")).fill("iPad");
    await field(page, w("Telefon undervejs", "Telephone on the way")).fill("+45 20 00 00 00");
    await field(page, w("Privat mailadresse", "Private mail address")).fill("rejse@example.net");
  }
  await press(page, button(page, w("Se opsummering", "See the summary")));
  assert.equal(await heading(page), w("Er det rigtigt?", "Is this right?"));
  await press(page, button(page, grant ? w("Giv adgang", "Grant access") : w("Send ansøgningen", "Send the application")));
}
const number = (page) => page.url().match(/TE-[0-9A-Z]{6}/)[0];
async function travel(page) {
  await press(page, link(page, w("Rejser", "Travel")));
}
async function openJourney(page, id) {
  await travel(page);
  await press(page, link(page, id));
}
async function state(page) {
  return (await page.locator(".state").first().innerText()).replace(/^\W+/, "");
}

const clerk = await employee("kirsten.vang");
const approver = await employee("mads.bro");
const security = await employee("sofie.lind");

async function endsWhen() {
  // Before there is a journey, somebody in Thailand who shows who he is, is turned away.
  const traveller = await stranger();
  await signIn(traveller, "bo.lund", place("Thailand"));
  const reference = (await main(traveller)).match(/[0-9A-Z]{4}-[0-9A-Z]{4}/)?.[0];
  assert.ok(reference, `bo.lund is turned away: ${await main(traveller)}`);
  done("turned away");

  await travel(clerk);
  await press(clerk, link(clerk, w("Ansøg på vegne", "Apply on behalf")));
  await journey(clerk, "bo.lund", "Thailand");
  const id = number(clerk);
  await travel(approver);
  await picture(approver, "picture-travel.png", 590);
  await openJourney(approver, id);
  await press(approver, link(approver, w("Godkend", "Approve")));
  await press(approver, button(approver, w("Godkend", "Approve")));
  assert.equal(await state(approver), w("I gang", "Under way"));
  done("granted by two");

  await until("the traveller gets in", async () => {
    await signIn(traveller, "bo.lund", place("Thailand"));
    return (await heading(traveller)).startsWith("Godmorgen");
  });
  assert.match(await traveller.innerText("header"), /bo\.lund/);
  done("the traveller is in");

  await finds(reference, "Thailand");
  await picture(clerk, "picture-why.png", 580);
  done("the rejection is found");

  await meetingEndsWith(id, traveller, place("Thailand"));
  done("closed, and the open page ended");
}

// The clerk finds what the traveller reads out.
async function finds(reference, country) {
  await until("the rejection is found", async () => {
    await press(clerk, link(clerk, w("Overblik", "Overview")));
    await field(clerk, w("Find afvisning på reference", "Find a rejection by its reference")).fill(reference);
    await press(clerk, button(clerk, w("Find", "Find")));
    return (await main(clerk)).includes(w("Hvorfor blev det sådan?", "Why did it go like that?"));
  });
  assert.ok((await main(clerk)).includes(country), await main(clerk));
}

// The traveller has a page open that goes on for an hour, a line a second; it ends with the journey.
async function meetingEndsWith(id, traveller, where) {
  let ended = false;
  for (const event of ["requestfinished", "requestfailed"]) {
    traveller.on(event, (request) => {
      if (request.url().endsWith("/direkte")) ended = true;
    });
  }
  await link(traveller, "Følg mødet direkte").click({ noWaitAfter: true });
  const lines = () => traveller.locator("p").count();
  await until("the page goes on", async () => (await lines()) > 4);
  assert.ok(!ended, "the page is open");
  await openJourney(clerk, id);
  await press(clerk, link(clerk, w("Afslut: er hjemme", "Close: is home")));
  await press(clerk, button(clerk, w("Afslut: er hjemme", "Close: is home")));
  assert.equal(await state(clerk), w("Afsluttet", "Closed"));
  await until("the open page ends", async () => ended);
  assert.ok((await lines()) < 3000, "the page ended before the meeting did");
  await traveller.goto(where);
  assert.ok(!(await heading(traveller)).startsWith("Godmorgen"), "and nobody gets in again");
}

// China takes two people and a device that was bound at home, by the link in a letter.
async function toChina() {
  const china = w("Kina", "China");
  const reference = await rejected(china);
  await travel(clerk);
  await press(clerk, link(clerk, w("Giv en rejseadgang", "Grant a journey")));
  await journey(clerk, "bo.lund", china, { grant: true, mail: "bo.lund@example.net" });
  assert.equal(await state(clerk), w("Afventer en anden person", "Awaits another person"));
  const id = number(clerk);
  await openJourney(approver, id);
  await press(approver, link(approver, w("Godkend", "Approve")));
  await press(approver, button(approver, w("Godkend", "Approve")));
  assert.equal(await state(approver), w("I gang", "Under way"));
  assert.match(await main(approver), w(/når rejselinket er åbnet på enheden/, /travel link has been opened on the device/));

  // The letter is read on the device that goes along, at home.
  const device = await stranger();
  await device.goto(start);
  await press(device, device.getByRole("link", { name: w("Åbn postkassen", "Open the mailbox") }));
  const letter = device.getByRole("listitem").filter({ hasText: "bo.lund@example.net" }).getByRole("link", { name: /godkendt: Kina/ });
  await until("the letter comes", async () => {
    await device.reload();
    return (await letter.count()) > 0;
  });
  await press(device, letter.first());
  await press(device, device.getByRole("link", { name: "/.geovagt/rejse/" }));
  assert.equal(await heading(device), w("Knyt denne enhed til din rejse", "Bind this device to your journey"));
  await press(device, link(device, w("Log ind", "Sign in")));
  await whoIsIt(device, "bo.lund");
  await press(device, button(device, w("Knyt denne enhed", "Bind this device")));
  assert.equal(await heading(device), w("Enheden er klar til rejsen", "The device is ready for the journey"));
  done("the device is bound");

  await device.goto(place("China"));
  assert.match(await heading(device), /^Godmorgen/);
  assert.match(await device.innerText("header"), /bo\.lund.*CN/s);
  assert.ok(await rejected(china), "another device sees the wall");
  done("the traveller is in from China");
  await finds(reference, china);
  await meetingEndsWith(id, device, place("China"));
  done("the page from China ended");
}

async function fiveQuestions() {
  await press(security, link(security, "Log"));
  await press(security, link(security, w("Gennemgang", "Review")));
  const questions = await security.locator(".cards h2 a").allInnerTexts();
  assert.ok(questions.length >= 5, questions.join());
  for (const question of questions.slice(0, 5)) {
    await press(security, link(security, question));
    assert.ok((await main(security)).length > (await heading(security)).length, question);
    await security.goBack();
  }
  done("five questions");
}

async function decisions() {
  await travel(clerk);
  await press(clerk, link(clerk, w("Giv en rejseadgang", "Grant a journey")));
  await journey(clerk, "bo.lund", w("Kina", "China"), { grant: true });
  assert.equal(await state(clerk), w("Afventer en anden person", "Awaits another person"));
  const china = number(clerk);
  await openJourney(approver, china);
  await press(approver, link(approver, w("Godkend", "Approve")));
  await press(approver, button(approver, w("Godkend", "Approve")));
  assert.equal(await state(approver), w("I gang", "Under way"));
  done("the second approval");

  await openJourney(clerk, china);
  await press(clerk, link(clerk, w("Forlæng", "Extend")));
  await field(clerk, w("Ny sidste dag", "New last day")).fill(day(9));
  for (const [name, text] of [
    [w("Udstyr", "Devices"), "iPad"],
    [w("Telefon undervejs", "Telephone on the way"), "+45 20 00 00 00"],
    [w("Privat mailadresse", "Private mail address"), "rejse@example.net"],
  ]) {
    await field(clerk, name).fill(text);
  }
  await press(clerk, button(clerk, w("Send ansøgningen", "Send the application")));
  const extension = number(clerk);
  assert.notEqual(extension, china);
  await openJourney(approver, extension);
  await press(approver, link(approver, w("Afslå", "Refuse")));
  await field(approver, w("Begrundelse", "Reason")).fill("Rejsen er ikke forlænget");
  await press(approver, button(approver, w("Afslå", "Refuse")));
  assert.equal(await state(approver), w("Afslået", "Refused"));
  done("extended and refused");

  const reference = await rejected(w("Kina", "China"));
  await travel(clerk);
  await press(clerk, link(clerk, w("Nødadgang", "Emergency access")));
  await until("the rejection is found", async () => {
    await field(clerk, "Reference").fill(reference);
    await press(clerk, button(clerk, w("Find afvisningen", "Find the rejection")));
    return (await clerk.locator("#caller-verified").count()) === 1;
  });
  await clerk.fill("#who", "dorte.krogh");
  await clerk.fill("#caller-verified", "Ringet op på nummeret i personalelisten");
  await press(clerk, clerk.locator("main form[method=post] button").last());
  assert.equal(await state(clerk), w("Gælder, men mangler godkendelse", "Counts, awaits approval"));
  done("let in by telephone");

  await travel(clerk);
  await press(clerk, link(clerk, w("Importér en delegation", "Import a delegation")));
  const head = w(
    "person;lande;fra;til;systemer;formål;sagsnummer",
    "person;countries;from;until;systems;purpose;case",
  );
  const rows = ["sofie.lind", "ole.drift"].map((name) => `${name};Vietnam;${day(1)};${day(3)};kilden;Messe;26/77`);
  await clerk.fill("#rows", `${head}\n${rows[0]}\n${rows[1].replace("Vietnam", "Atlantis")}`);
  await press(clerk, button(clerk, w("Kontrollér rækkerne", "Check the rows")));
  assert.match(await main(clerk), /Atlantis/);
  await clerk.fill("#rows", [head, ...rows].join("\n"));
  await press(clerk, button(clerk, w("Kontrollér rækkerne", "Check the rows")));
  await press(clerk, clerk.locator("main button[name=do]").first());
  await travel(clerk);
  assert.match(await main(clerk), /ole\.drift/);
  done("a delegation");
}

async function ownPages() {
  const anna = await employee("anna.holm");
  assert.equal(await heading(anna), w("Min rejse", "My travel"));
  await press(anna, link(anna, w("Ansøg om en rejse", "Apply for a journey")));
  await journey(anna, null, "Vietnam", { from: 20, days: 2 });
  const mine = number(anna);
  await press(anna, link(anna, w("Tilbage til mine rejser", "Back to my journeys")));
  assert.ok((await main(anna)).includes(mine), mine);
  done("applied");
  await press(anna, anna.locator(".state", { hasText: w("I gang", "Under way") }).locator("xpath=ancestor::*[.//a][1]//a").first());
  await press(anna, link(anna, w("Jeg er hjemme igen", "I am home again")));
  await press(anna, button(anna, w("Jeg er hjemme igen", "I am home again")));
  assert.equal(await state(anna), w("Afsluttet", "Closed"));
  done("home again");
  await press(anna, link(anna, w("Tilbage til mine rejser", "Back to my journeys")));
  await press(anna, link(anna, w("Jeg har mistet en enhed", "I have lost a device")));
  await press(anna, button(anna, w("Luk alt nu", "Close everything now")));
  await until("everything has ended, this session too", async () => {
    await anna.goto(administration);
    return (await heading(anna)) === w("Log ind", "Sign in");
  });
  done("a lost device");
}

async function log() {
  await press(security, link(security, "Log"));
  await field(security, w("Land", "Country")).fill(w("Kina", "China"));
  await press(security, button(security, w("Søg", "Search")));
  assert.ok((await security.locator("main table tbody tr").count()) > 0, await main(security));
  await field(security, w("Navn på søgningen", "Name of the search")).fill(`Kina ${language} ${size}`);
  await press(security, button(security, w("Gem søgningen", "Save the search")));
  assert.ok((await main(security)).includes(`Kina ${language} ${size}`));
  done("searched and saved");
  await press(security, link(security, w("Gennemgang", "Review")));
  await press(security, link(security, w("Planlagt gennemgang", "Planned review")));
  await field(security, w("Første dag", "First day")).fill(day(-8));
  await field(security, w("Dage i hver periode", "Days in each period")).fill("8");
  await press(security, button(security, w("Gem planen", "Save the plan")));
  await press(security, button(security, w("Træk stikprøven", "Draw the sample")));
  done("a review is drawn");
  await press(security, link(security, "Log"));
  await press(security, link(security, w("Sager om brud", "Breach files")));
  await field(security, w("Hvad handler det om", "What is it about")).fill("Stjålet adgangskode");
  await field(security, w("Skete fra", "Happened from")).fill(`${day(-1)}T00:00`);
  const now = new Date().toLocaleString("sv-SE", { timeZone: "Europe/Copenhagen" });
  const moment = now.replace(" ", "T").slice(0, 16);
  await field(security, w("Skete til", "Happened until")).fill(moment);
  await field(security, w("Opdaget", "Discovered")).fill(moment);
  await press(security, button(security, w("Opret sagen", "Open the breach file")));
  const file = await download(security, button(security, w("Hent beviserne", "Download the evidence")));
  done(`evidence ${file}`);
}

async function others() {
  const operator = await employee("ole.drift");
  await picture(operator, "picture-overview.png", 569);
  await press(operator, link(operator, w("Liste", "List")));
  await press(operator, link(operator, w("Læs en indsat liste", "Read a pasted list")));
  await operator.fill("#text", "Kina, Thailand, Atlantis");
  await press(operator, button(operator, w("Læs teksten", "Read the text")));
  assert.match(await main(operator), /Atlantis/);
  done("a pasted list");
  const officer = await employee("dorte.krogh");
  await press(officer, link(officer, "System"));
  await press(officer, link(officer, w("Indsigt og sletning", "Insight and deletion")));
  await field(officer, w("Brugernavn", "User name")).fill("anna.holm");
  await press(officer, button(officer, w("Vis, hvad der er gemt", "Show what is stored")));
  assert.match(await main(officer), /Thailand|TH/);
  done("insight");
  await press(officer, link(officer, "System"));
  await press(officer, link(officer, w("Tal til udvalget", "Figures for the committee")));
  await press(officer, button(officer, w("Vis", "Show")));
  done("the report");
}

try {
  await endsWhen();
  await toChina();
  await fiveQuestions();
  await decisions();
  await ownPages();
  await log();
  await others();
} catch (error) {
  for (const page of pages) {
    console.error(`== ${page.url()}\n${await page.innerText("body").catch(() => "")}`);
  }
  throw error;
} finally {
  await browser.close();
}
