// What this software calls itself: with the browser and the system, so that people tell their devices apart.

const browsers = [
  [/Edg\//, "Edge"], [/OPR\//, "Opera"], [/Firefox\//, "Firefox"], [/Chrom(e|ium)\//, "Chrome"], [/Safari\//, "Safari"],
];
const systems = [
  [/Android/, "Android"], [/iPhone|iPad/, "iOS"], [/Mac OS X/, "macOS"], [/Windows/, "Windows"], [/CrOS/, "ChromeOS"], [/Linux/, "Linux"],
];

/** @param {string} text what the browser calls itself @returns {string} at most 64 octets (docs/PROTOCOL.md section 18.2) */
export function agentOf(text) {
  const known = [browsers, systems].map((pairs) => pairs.find(([pattern]) => pattern.test(text))?.[1]).filter(Boolean);
  return ["chat-broker-web/1", known.length && `(${known.join(", ")})`].filter(Boolean).join(" ");
}
