// Prints, as JSON, what Go packages say in their source about the API types in them. Nothing is compiled or run.
//
//	go run . -module k8s.io/api=DIR [-module ...] PACKAGE...
//
// PACKAGE is an import path within one of the modules. What other packages declare is looked up where their module is
// given, and left out where it is not.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"os"
	"strings"
)

// Package is what is told of one.
type Package struct {
	// The import paths of the packages whose types it adds to its scheme.
	Adds []string `json:"adds"`
	// [group, version, kind] of each type that it registers, or that the package does which it is built on.
	Kinds [][3]string `json:"kinds"`
	// By type: [introduced, deprecated, removed, replacement], as upstream marks them.
	Lifecycle map[string][4]string `json:"lifecycle"`
	// By registered type: the dotted names of its fields.
	Fields map[string][]string `json:"fields"`
	// Calls in the functions that say what an API server serves by default: [function, group, version, resource].
	Served [][4]string `json:"served"`
	// Feature gates without which a resource is not served: [group, version, resource, gate].
	Gates [][4]string `json:"gates"`
	// By variable: the keys of maps that functions declare.
	Maps map[string][]string `json:"maps"`
}

func main() {
	flag.Func("module", "PATH=DIRECTORY", func(text string) error {
		path, directory, _ := strings.Cut(text, "=")
		modules[path] = directory
		return nil
	})
	flag.Parse()
	result := map[string]Package{}
	for _, path := range flag.Args() {
		if one := load(path); one != nil {
			result[path] = describe(one)
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func describe(one *source) Package {
	result := Package{
		Adds: one.adds(), Kinds: one.kinds(), Lifecycle: one.lifecycle(), Fields: map[string][]string{},
		Served: one.served(), Gates: one.gates(), Maps: one.maps(),
	}
	for _, kind := range result.Kinds {
		if home, found := one.home(kind[2]); found != nil {
			result.Fields[kind[2]] = home.fields(found, "", map[*ast.StructType]bool{})
		}
	}
	return result
}
