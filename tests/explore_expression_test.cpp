// SPDX-License-Identifier: Apache-2.0
// Formulas: what can be typed, and where what is wrong is.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "steepest/error.hpp"
#include "steepest/expression.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

double value_of(const std::string& text, const Point& at) { return Expression(text)(at); }

TEST(Expression, ReadsWhatLearnersType) {
  EXPECT_DOUBLE_EQ(value_of("(x - 3)^2", {0.0}), 9.0);
  EXPECT_DOUBLE_EQ(value_of("(x-3)**2", {0.6}), value_of("(x-3)^2", {0.6}));
  EXPECT_DOUBLE_EQ(value_of("x^4 - 4*x^2 + 1", {2.0}), 1.0);
  EXPECT_DOUBLE_EQ(value_of("-x^2", {3.0}), -9.0);
  EXPECT_DOUBLE_EQ(value_of("2^3^2", {0.0}), 512.0);
  EXPECT_DOUBLE_EQ(value_of("x\u00b2 \u2212 4\u00b7x + 5\u00d71", {2.0}), 1.0);
  EXPECT_DOUBLE_EQ(value_of("x\u00b3", {2.0}), 8.0);
  EXPECT_DOUBLE_EQ(value_of("sin(pi/2) + cos(2*\u03c0)", {0.0}), 2.0);
  EXPECT_DOUBLE_EQ(value_of("ln(e^x)", {1.25}), 1.25);
  EXPECT_DOUBLE_EQ(value_of("log(x)", {std::numbers::e}), 1.0);
  EXPECT_DOUBLE_EQ(value_of("x > 0 ? x : -x", {-2.5}), 2.5);
  EXPECT_DOUBLE_EQ(value_of("max(x, abs(-4))", {3.0}), 4.0);
  EXPECT_DOUBLE_EQ(value_of("1e-3*x", {2.0}), 2e-3);
}

TEST(Expression, HasXOrXAndY) {
  EXPECT_EQ(Expression("x + 1").variables(), std::vector<std::string>({"x"}));
  EXPECT_EQ(Expression("7").variables(), std::vector<std::string>({"x"}));
  EXPECT_EQ(Expression("x^2 + y^2").variables(), std::vector<std::string>({"x", "y"}));
  EXPECT_DOUBLE_EQ(value_of("x^2 + y^2", {3.0, 4.0}), 25.0);
  EXPECT_DOUBLE_EQ(value_of("y", {3.0, 4.0}), 4.0);
}

struct BadExpression {
  const char* text;
  const char* place;
  const char* reason;
};

class BadExpressionTest : public testing::TestWithParam<BadExpression> {};

TEST_P(BadExpressionTest, SaysWhereAndWhat) {
  const BadExpression& bad = GetParam();
  const std::string message = thrown_message<InputError>([&] { Expression expression(bad.text); });
  EXPECT_NE(message.find(bad.place), std::string::npos) << message;
  EXPECT_NE(message.find(bad.reason), std::string::npos) << message;
}

INSTANTIATE_TEST_SUITE_P(
    Expression, BadExpressionTest,
    testing::Values(BadExpression{"", "empty", "(x - 3)^2"},
                    BadExpression{"  ", "empty", "(x - 3)^2"},
                    BadExpression{"2x", "position 2", "operator is missing before \"x\""},
                    BadExpression{"x +", "position 4", "ends too early"},
                    BadExpression{"(x + 1", "position 7", "closing parenthesis"},
                    BadExpression{"x + 1)", "position 6", "parenthesis \")\""},
                    BadExpression{"2(x)", "position 2", "parenthesis \"(\""},
                    BadExpression{"x + zeta", "position 5", "\"zeta\" is not known"},
                    BadExpression{"1 + sin x", "position 5", "write sin(x)"},
                    BadExpression{"sin()", "position 5", "more arguments"},
                    BadExpression{"sin(x, 2)", "position 9", "fewer arguments"},
                    BadExpression{"x + * 2", "position 5", "\"*\" is not expected"},
                    BadExpression{"x = 3", "position 3", "\"=\" is not expected"},
                    BadExpression{"x, y", "position 2", "\",\" is not expected"},
                    BadExpression{"3,5*x", "position 2", "point"},
                    BadExpression{"x $ 2", "position 3", "$"},
                    BadExpression{"\u03c0 + q", "position 5", "\"q\" is not known"},
                    BadExpression{"\"x\"", "position 1", "quotation mark"},
                    BadExpression{"1e999*x", "position 1", "1e999"}));

TEST(Expression, NamesThePartThatIsUndefined) {
  const auto part = Expression("2 + log(x)").undefined_part({-1.0});
  ASSERT_TRUE(part);
  EXPECT_EQ(part->text, "log(x)");
  EXPECT_EQ(part->position, 5);
  EXPECT_EQ(Expression("3*x + 1/(x - 2)").undefined_part({2.0})->text, "1/(x - 2)");
  EXPECT_EQ(Expression("x^2 + (x - 1)**0.5").undefined_part({0.0})->text, "(x - 1)**0.5");
  EXPECT_FALSE(Expression("log(x)").undefined_part({2.0}));
  const std::string message = thrown_message<InputError>([] {
    Expression("\u03c0*sqrt(x) + y").require_finite({-4.0, 1.5});
  });
  EXPECT_EQ(message,
            "\"sqrt(x)\" at position 3 of the expression is not a finite number at x = -4, "
            "y = 1.5");
}

TEST(Expression, SurvivesHostileText) {
  const std::string deep(5000, '(');
  EXPECT_THROW(Expression expression(deep), InputError);
  EXPECT_DOUBLE_EQ(value_of(std::string(2000, '(') + "x" + std::string(2000, ')'), {1.5}), 1.5);
  EXPECT_THROW(Expression expression(std::string(100'000, 'x')), InputError);
  std::string sum = "x";
  for (int i = 0; i < 3000; ++i) {
    sum += "+x";
  }
  EXPECT_DOUBLE_EQ(value_of(sum, {1.0}), 3001.0);
  EXPECT_THROW(Expression expression("x\n@"), InputError);
}

}  // namespace
}  // namespace steepest::tests
