package agent

import "strings"

// minSecret is the length below which a value is no secret: replacing it
// would tear ordinary text.
const minSecret = 8

// redactor returns a function that hides the secrets in a text.
func redactor(secrets []string) func(string) string {
	var pairs []string
	for _, s := range secrets {
		if len(s) >= minSecret {
			pairs = append(pairs, s, "[redacted]")
		}
	}
	if len(pairs) == 0 {
		return func(s string) string { return s }
	}
	return strings.NewReplacer(pairs...).Replace
}

// redactAny hides the secrets in every text of a JSON value.
func redactAny(v any, redact func(string) string) any {
	switch x := v.(type) {
	case string:
		return redact(x)
	case []any:
		for i := range x {
			x[i] = redactAny(x[i], redact)
		}
	case map[string]any:
		for k := range x {
			x[k] = redactAny(x[k], redact)
		}
	}
	return v
}
