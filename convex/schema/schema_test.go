package schema_test

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/value"
)

type taskID string

func (taskID) ConvexTable() string { return "tasks" }

type color string

func (color) ConvexLiterals() []string { return []string{"red", "green"} }

type only string

func (only) ConvexLiterals() []string { return []string{"one"} }

type nested struct {
	Path string  `json:"path"`
	Next *nested `json:"next,omitempty"`
}

type everything struct {
	ID       taskID            `json:"id"`
	Color    color             `json:"color"`
	Only     only              `json:"only"`
	N        int               `json:"n"`
	Big      value.Int64       `json:"big"`
	On       bool              `json:"on"`
	Text     string            `json:"text"`
	Bytes    []byte            `json:"bytes"`
	List     []nested          `json:"list"`
	Record   map[string]string `json:"record"`
	Any      any               `json:"any"`
	Raw      json.RawMessage   `json:"raw"`
	Pointer  *float64          `json:"pointer"`
	Optional string            `json:"optional,omitempty"`
}

func TestDerivedValidator(t *testing.T) {
	t.Parallel()
	v, err := schema.Of(reflect.TypeFor[everything]())
	if err != nil {
		t.Fatal(err)
	}
	want := `v.object({id: v.id("tasks"), color: v.union(v.literal("red"), v.literal("green")), only: v.literal("one"), ` +
		`n: v.float64(), big: v.int64(), on: v.boolean(), text: v.string(), bytes: v.bytes(), ` +
		`list: v.array(v.object({path: v.string(), next: v.optional(v.any())})), record: v.record(v.string(), v.string()), ` +
		`any: v.any(), raw: v.any(), pointer: v.optional(v.float64()), optional: v.optional(v.string())})`
	if v.String() != want {
		t.Errorf("derived\n got %s\nwant %s", v, want)
	}
	for _, bad := range []reflect.Type{reflect.TypeFor[chan int](), reflect.TypeFor[map[int]string](), reflect.TypeFor[struct{ F func() }]()} {
		if v, err := schema.Of(bad); err == nil {
			t.Errorf("%s derives %s", bad, v)
		}
	}
}

// tables knows the number of each table.
type tables map[uint32]string

func (t tables) TableName(n uint32) (string, bool) { name, ok := t[n]; return name, ok }

func TestMismatchTexts(t *testing.T) {
	t.Parallel()
	known := tables{1: "tasks", 2: "people"}
	task, person, gone := value.NewID(1), value.NewID(2), value.NewID(9)
	stats := schema.ObjectOf(schema.Property{Name: "stats", Type: schema.ObjectOf(
		schema.Property{Name: "files", Type: schema.ArrayOf(schema.ObjectOf(schema.Property{Name: "path", Type: schema.String()}))})})
	cases := []struct {
		v    *schema.Validator
		val  value.Value
		want string
	}{
		{schema.ID("tasks"), task, ""},
		{schema.ID("tasks"), person, "Found ID \"" + person + "\" from table `people`, which does not match the table name in validator `v.id(\"tasks\")`."},
		{schema.ID("tasks"), gone, "Value does not match validator.\nValue: \"" + gone + "\"\nValidator: v.id(\"tasks\")"},
		{schema.ID("tasks"), 5.0, "Value does not match validator.\nValue: 5.0\nValidator: v.id(\"tasks\")"},
		{schema.Literal("ask"), "x", "`\"x\"` does not match literal validator `v.literal(\"ask\")`."},
		{schema.Union(schema.Literal("a"), schema.Null()), "a", ""},
		{schema.Union(schema.Literal("a"), schema.Null()), true, "Value does not match validator.\nValue: true\nValidator: v.union(v.literal(\"a\"), v.null())"},
		{
			stats,
			value.Object{"stats": value.Object{"files": value.Array{value.Object{"path": 1.0}}}},
			"Value does not match validator.\nPath: .stats.files[0].path\nValue: 1.0\nValidator: v.string()",
		},
		{
			stats,
			value.Object{"stats": value.Object{}},
			"Object is missing the required field `files`. Consider wrapping the field validator in `v.optional(...)` if this is expected.\nPath: .stats\nObject: {}\nValidator: v.object({files: v.array(v.object({path: v.string()}))})",
		},
		{schema.RecordOf(schema.Bool()), value.Object{"a b": 1.0}, "Value does not match validator.\nPath: .a b\nValue: 1.0\nValidator: v.boolean()"},
		{schema.Float64(), value.Int64(1), "Value does not match validator.\nValue: 1n\nValidator: v.float64()"},
		{schema.Int64(), 1.0, "Value does not match validator.\nValue: 1.0\nValidator: v.int64()"},
		{
			schema.Null(),
			value.Object{"a b": value.Array{math.NaN(), nil, "q\""}, "c": []byte("x")},
			"Value does not match validator.\nValue: {\"a b\": [NaN, null, \"q\\\"\"], c: b\"x\"}\nValidator: v.null()",
		},
		{schema.Any(), math.Inf(1), ""},
	}
	for _, c := range cases {
		err := c.v.Check(c.val, known)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s refuses %v: %v", c.v, c.val, err)
			}
			continue
		}
		var m *schema.Mismatch
		if !errors.As(err, &m) || m.Error() != c.want {
			t.Errorf("%s on %v:\n got %v\nwant %s", c.v, c.val, err, c.want)
		}
	}
}

func TestShowIsBounded(t *testing.T) {
	t.Parallel()
	long := value.Array{strings.Repeat("é", 10_000), strings.Repeat("x", 10_000)}
	if n := len(schema.Show(long)); n > 5000 {
		t.Errorf("a long value shows as %d bytes", n)
	}
}

func TestBadSchemas(t *testing.T) {
	t.Parallel()
	type doc struct {
		Task taskID `json:"task"`
	}
	type bad struct {
		Name string `json:"_name"`
	}
	ok := schema.Define[doc]("tasks")
	cases := map[string][]schema.Table{
		"twice":             {ok, ok},
		"bad name":          {schema.DefineAny("a b")},
		"reserved name":     {schema.DefineAny("river_job")},
		"no struct":         {schema.Define[string]("texts")},
		"bad type":          {schema.Define[struct{ C chan int }]("chans")},
		"bad field":         {schema.Define[bad]("bads")},
		"unknown reference": {schema.Define[doc]("others")},
		"unknown field":     {ok, schema.Define[doc]("more", schema.Index{Name: "x", Fields: []string{"nope"}})},
		"empty index":       {ok, schema.Define[doc]("more", schema.Index{Name: "x"})},
		"index twice": {ok, schema.Define[doc]("more",
			schema.Index{Name: "x", Fields: []string{"task"}}, schema.Index{Name: "x", Fields: []string{"task"}})},
	}
	for name, tables := range cases {
		if _, err := schema.New(tables...); err == nil {
			t.Errorf("%s passed", name)
		}
	}
	if _, err := schema.New(ok, schema.DefineAny("any", schema.Index{Name: "x", Fields: []string{"a.b"}})); err != nil {
		t.Error(err)
	}
}
