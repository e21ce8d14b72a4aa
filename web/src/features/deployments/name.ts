/** The name that the dialog proposes for a project: small letters, digits, hyphens, 3 to 40. */
export function proposedName(project: string): string {
  const name = project
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "")
    .slice(0, 40)
    .replace(/-+$/, "");
  return name.length >= 3 ? name : "my-app";
}

const shape = "Letters, digits and hyphens, 3 to 40.";

/** What is wrong with a name, in the words under its field; undefined where it is good. */
export function nameFault(name: string): string | undefined {
  if (/[^a-z0-9-]/.test(name) || name.length < 3 || name.length > 40) return shape;
  if (!/^[a-z]/.test(name)) return "Begins with a letter.";
  return name.endsWith("-") ? "Ends with a letter or a digit." : undefined;
}

/** The server's refusal in the words under the field. */
export function refusal(reason: "taken" | "reserved" | "bad" | undefined): string | undefined {
  if (reason === "taken") return "Taken.";
  if (reason === "reserved") return "Reserved.";
  return reason === "bad" ? shape : undefined;
}
