// Shows the service's OpenAPI description, and tries it with an image.
import { drawPicture } from "./draw.js";

const at = (id) => document.getElementById(id);

function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

function row(...texts) {
  const made = element("tr");
  made.append(...texts.map((text) => element("td", text)));
  return made;
}

// A schema with everything that it refers to in its place.
function resolve(schema, api) {
  if (Array.isArray(schema)) return schema.map((part) => resolve(part, api));
  if (schema === null || typeof schema !== "object") return schema;
  if (schema.$ref) {
    const target = schema.$ref.slice(2).split("/").reduce((part, key) => part[key], api);
    return resolve(target, api);
  }
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, resolve(value, api)]));
}

function showOperation(path, method, operation, api) {
  const section = element("section");
  const heading = element("h2");
  heading.append(element("span", method.toUpperCase(), "pill method"), path);
  section.append(heading, element("p", operation.description ?? operation.summary));
  const table = element("table");
  for (const { name, description, schema } of operation.parameters ?? []) {
    table.append(row(`?${name}`, description ?? "", `default ${schema.default}`));
  }
  const body = Object.keys(operation.requestBody?.content ?? {});
  if (body.length) table.append(row("body", "the image", body.join(", ")));
  for (const [status, response] of Object.entries(operation.responses)) {
    table.append(row(status, response.description, Object.keys(response.content ?? {}).join(", ")));
  }
  section.append(table);
  const answer = operation.responses["200"]?.content?.["application/json"]?.schema;
  if (answer) {
    const details = element("details");
    details.append(element("summary", "schema of the answer"));
    details.append(element("pre", JSON.stringify(resolve(answer, api), null, 2)));
    section.append(details);
  }
  at("operations").append(section);
}

async function tryOut() {
  const [file] = at("file").files;
  if (!file) return;
  at("answer").textContent = "…";
  at("picture").hidden = true;
  const score = at("score").value;
  const response = await fetch(`/detect${score ? `?score=${score}` : ""}`, { method: "POST", body: file });
  const answer = await response.json();
  at("answer").textContent = JSON.stringify(answer, null, 2);
  if (!response.ok) return;
  const tracks = answer.objects.map(({ bbox: [x, y, width, height], score: sure, category }) => ({
    box_px: [x, y, x + width, y + height],
    text: `${category}  ${sure.toFixed(2)}`,
    seen: true,
  }));
  await drawPicture(at("picture"), file, { boxes_px: [], tracks });
  at("picture").hidden = false;
}

const api = await (await fetch("/openapi.json")).json();
document.title = at("title").textContent = `${api.info.title} ${api.info.version}`;
at("description").textContent = api.info.description;
at("example").textContent = `curl --data-binary @photo.jpg ${location.origin}/detect`;
for (const [path, operations] of Object.entries(api.paths)) {
  for (const [method, operation] of Object.entries(operations)) showOperation(path, method, operation, api);
}
at("file").addEventListener("change", tryOut);
at("score").addEventListener("change", tryOut);
