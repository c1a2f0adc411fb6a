package expr

import (
	"math"

	"github.com/pgmqdb/pgmqdb/sql/libm"
)

// Trigonometry in degrees, as PostgreSQL's float.c: exact at the multiples of 30 and 45 degrees, because each function is
// scaled by its own value at such an angle.

var (
	atanOne = libm.Atan(1)
	sin30   = libm.Sin(radians(30))
	oneCos  = 1 - libm.Cos(radians(60))
	asinHf  = libm.Asin(0.5)
	acosHf  = libm.Acos(0.5)
)

// radians rounds as the functions below do for any angle: it is no constant expression.
func radians(degrees float64) float64 { return degrees * (math.Pi / 180) }

// sind30 is sin(x) for x in [0, 30], cosd60 cos(x) for x in [0, 60].
func sind30(x float64) float64 { return libm.Sin(radians(x)) / sin30 / 2 }
func cosd60(x float64) float64 { return 1 - (1-libm.Cos(radians(x)))/oneCos/2 }

// sindQ1 and cosdQ1 are for x in [0, 90].
func sindQ1(x float64) float64 {
	if x <= 30 {
		return sind30(x)
	}
	return cosd60(90 - x)
}

func cosdQ1(x float64) float64 {
	if x <= 60 {
		return cosd60(x)
	}
	return sind30(90 - x)
}

// quadrant reduces an angle to [0, 90]; sin and cos are the signs that the functions have there.
func quadrant(x float64) (r, sin, cos float64) {
	x, sin, cos = math.Mod(x, 360), 1, 1
	if x < 0 {
		x, sin = -x, -sin
	}
	if x > 180 {
		x, sin = 360-x, -sin
	}
	if x > 90 {
		x, cos = 180-x, -cos
	}
	return x, sin, cos
}

func sind(x float64) float64 {
	r, sign, _ := quadrant(x)
	return sign * sindQ1(r)
}

func cosd(x float64) float64 {
	r, _, sign := quadrant(x)
	return sign * cosdQ1(r)
}

func tand(x float64) float64 {
	r, sin, cos := quadrant(x)
	t := sin * cos * (sindQ1(r) / cosdQ1(r) / (sindQ1(45) / cosdQ1(45)))
	if t == 0 {
		return 0 // no negative zero
	}
	return t
}

func cotd(x float64) float64 {
	r, sin, cos := quadrant(x)
	t := sin * cos * (cosdQ1(r) / sindQ1(r) / (cosdQ1(45) / sindQ1(45)))
	if t == 0 {
		return 0
	}
	return t
}

// asindQ1 and acosdQ1 are for x in [0, 1].
func asindQ1(x float64) float64 {
	if x <= 0.5 {
		return libm.Asin(x) / asinHf * 30
	}
	return 90 - libm.Acos(x)/acosHf*60
}

func acosdQ1(x float64) float64 {
	if x <= 0.5 {
		return 90 - libm.Asin(x)/asinHf*30
	}
	return libm.Acos(x) / acosHf * 60
}

func asind(x float64) float64 {
	if x >= 0 {
		return asindQ1(x)
	}
	return -asindQ1(-x)
}

func acosd(x float64) float64 {
	if x >= 0 {
		return acosdQ1(x)
	}
	return 90 + asindQ1(-x)
}

func atand(x float64) float64 { return libm.Atan(x) / atanOne * 45 }
