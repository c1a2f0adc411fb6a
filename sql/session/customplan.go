package session

import (
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// A statement with parameters has a generic plan, made for any values, and where the values matter to the planner it can be
// planned for those of one execution (a custom plan). As in PostgreSQL (choose_custom_plan), the first five executions have
// custom plans; from then on the generic one is taken if it is not dearer than these were on average, what planning them
// took included. plan_cache_mode decides otherwise. A simple query, whose literals are its parameters, is planned for them.

const (
	customPlansFirst = 5
	// planningCost is PostgreSQL's cached_plan_cost: 1000 cpu_operator_cost a table, and once more.
	planningCost = 1000 * 0.0025
)

// customPlans is what a statement's custom plans were.
type customPlans struct {
	n    int64
	cost float64
}

// wantsCustom reports whether an execution is to have a custom plan.
func (s *Session) wantsCustom(st *statement) bool {
	if len(st.params) == 0 {
		return false
	}
	if len(st.literals) > 0 || st.simple {
		return true
	}
	switch s.settings.PlanCacheMode {
	case "force_generic_plan":
		return false
	case "force_custom_plan":
		return true
	}
	return st.custom.n < customPlansFirst || st.plan.Cost() > st.custom.cost/float64(st.custom.n)
}

// planFor returns the plan for an execution with some parameters.
func (s *Session) planFor(st *statement, params []types.Datum) (*planner.Plan, error) {
	plan := st.plan
	if !s.wantsCustom(st) {
		st.generic++
		return plan, nil
	}
	if (plan.WantsValues || plan.WantsLiterals) && st.madeFor != nil {
		an, _, err := s.analyse(st, st.madeFor)
		if err != nil {
			return nil, err
		}
		if st.cursor {
			an.AddCursorKeys()
		}
		env := s.planEnv()
		env.Params = params
		if plan, err = planner.Prepare(tree(an), env); err != nil {
			return nil, err
		}
	}
	st.custom.n++
	st.custom.cost += plan.Cost() + planningCost*float64(len(plan.Tables)+1)
	return plan, nil
}
