package utility

import "reflect"

// walkTree calls f for every pointer to a struct in a syntax tree. Definitions are rare and small, so that it may go by
// reflection instead of naming every node.
func walkTree(n any, f func(any)) { walkValue(reflect.ValueOf(n), f) }

func walkValue(v reflect.Value, f func(any)) {
	switch v.Kind() {
	case reflect.Interface:
		if !v.IsNil() {
			walkValue(v.Elem(), f)
		}
	case reflect.Pointer:
		if v.IsNil() || v.Elem().Kind() != reflect.Struct {
			return
		}
		f(v.Interface())
		walkValue(v.Elem(), f)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				walkValue(v.Field(i), f)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			walkValue(v.Index(i), f)
		}
	}
}
