package main

import (
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"surgent.dev/surgent/internal/app"
	"surgent.dev/surgent/internal/config"
)

func doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Tell what is configured, what each part fell back to, and what is missing",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(config.Source{})
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
			missing := 0
			for _, f := range app.Diagnose(cmd.Context(), cfg, hasRunsc) {
				mark := "ok"
				switch {
				case f.Missing:
					mark = "missing"
					missing++
				case f.Note:
					mark = "note"
				}
				tell(w, strings.Join([]string{f.Part, mark, f.Text}, "\t"))
			}
			if err := w.Flush(); err != nil {
				return err
			}
			if missing > 0 {
				return errQuiet
			}
			return nil
		},
	}
}
