package tools

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"

	"surgent.dev/surgent/model"
)

// shape is the part of JSON Schema that the tools' inputs use. It is checked
// before a tool runs, so that the model gets all that is wrong at once.
type shape struct {
	Type       string            `json:"type"`
	Properties map[string]*shape `json:"properties"`
	Required   []string          `json:"required"`
	Closed     *bool             `json:"additionalProperties"`
	Items      *shape            `json:"items"`
	Enum       []string          `json:"enum"`
	Minimum    *float64          `json:"minimum"`
	Maximum    *float64          `json:"maximum"`
	MinLength  int               `json:"minLength"`
}

func parseShape(schema string) (*shape, error) {
	var s shape
	if err := json.Unmarshal([]byte(schema), &s); err != nil {
		return nil, err
	}
	return &s, nil
}

// check returns what is wrong with an input, one line each. An input that is
// right is returned in one form: models write 3 as 3.0 at times.
func (s *shape) check(input json.RawMessage) (clean json.RawMessage, problems []string) {
	var v any
	dec := json.NewDecoder(bytes.NewReader(input))
	if err := dec.Decode(&v); err != nil {
		return nil, []string{"the arguments are not valid JSON"}
	}
	if m, ok := v.(map[string]any); ok {
		if _, ok := m[model.UnparsedInput]; ok {
			return nil, []string{"the arguments were not a complete JSON object; send them again, whole"}
		}
	}
	s.visit("", v, &problems)
	if len(problems) > 0 {
		return nil, problems
	}
	clean, err := json.Marshal(v)
	if err != nil {
		return nil, []string{"the arguments are not valid JSON"}
	}
	return clean, nil
}

func (s *shape) visit(at string, v any, out *[]string) {
	name := at
	if name == "" {
		name = "the arguments"
	}
	bad := func(format string, args ...any) {
		*out = append(*out, fmt.Sprintf(format, args...))
	}
	switch s.Type {
	case "object":
		m, ok := v.(map[string]any)
		if !ok {
			bad("%s must be an object", name)
			return
		}
		s.visitObject(at, m, out)
	case "array":
		list, ok := v.([]any)
		if !ok {
			bad("%s must be a list", name)
			return
		}
		for i, item := range list {
			s.Items.visit(fmt.Sprintf("%s[%d]", at, i), item, out)
		}
	case "string":
		text, ok := v.(string)
		switch {
		case !ok:
			bad("%s must be a string", name)
		case len(text) < s.MinLength:
			bad("%s must not be empty", name)
		case len(s.Enum) > 0 && !slices.Contains(s.Enum, text):
			bad("%s must be one of %s", name, strings.Join(s.Enum, ", "))
		}
	case "number", "integer":
		n, ok := v.(float64)
		switch {
		case !ok || (s.Type == "integer" && n != float64(int64(n))):
			bad("%s must be a number", name)
		case s.Minimum != nil && n < *s.Minimum:
			bad("%s must be at least %v", name, *s.Minimum)
		case s.Maximum != nil && n > *s.Maximum:
			bad("%s must be at most %v", name, *s.Maximum)
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			bad("%s must be true or false", name)
		}
	}
}

func (s *shape) visitObject(at string, m map[string]any, out *[]string) {
	join := func(key string) string {
		if at == "" {
			return key
		}
		return at + "." + key
	}
	for _, key := range s.Required {
		if _, ok := m[key]; !ok {
			*out = append(*out, join(key)+" is missing")
		}
	}
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		p, ok := s.Properties[key]
		switch {
		case ok && m[key] == nil && !slices.Contains(s.Required, key):
			// Models send null for "not given".
		case ok:
			p.visit(join(key), m[key], out)
		case s.Closed != nil && !*s.Closed:
			*out = append(*out, join(key)+" is not an argument of this tool")
		}
	}
}
