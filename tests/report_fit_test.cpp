// SPDX-License-Identifier: Apache-2.0
// What a fit's page says in tables and charts: metrics, tests of coefficients, a path of penalties.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "src/report/fit_charts.hpp"
#include "src/report/fit_page.hpp"
#include "src/report/fit_tables.hpp"
#include "steepest/read.hpp"

namespace steepest::tests {
namespace {

using Row = std::vector<std::string>;

std::string file(const std::string& name) {
  return std::string(STEEPEST_SOURCE_FOLDER) + "/data/" + name;
}

FitResult fit_petals(const FitOptions& options) {
  ReadOptions read;
  read.paths = {file("iris.csv")};
  read.targets = {"petal_width"};
  read.ignore = {"species"};
  return fit(read_dataset(read), options);
}

std::string page_of(const FitResult& result) {
  report::FitSetting setting;
  setting.data = "iris.csv";
  setting.target = "petal_width";
  setting.rows = 150;
  return report::fit_page(result, setting, {});
}

TEST(FitPage, MetricsHaveTheColumnsOfTheirLoss) {
  FitResult result;
  result.linear = LinearMetrics{4.0, 2.0, 1.5, 0.75, std::nullopt, std::nullopt};
  report::FitSetting setting;
  EXPECT_EQ(report::metrics_table(result, setting).head,
            (Row{"rows", "MSE", "RMSE", "MAE", "R\xC2\xB2"}));
  result.linear->pinball_loss = 0.125;
  setting.validation.emplace();
  setting.validation->linear = result.linear;
  setting.validation->linear->pinball_loss = 0.25;
  report::Table table = report::metrics_table(result, setting);
  EXPECT_EQ(table.head.back(), "pinball loss");
  EXPECT_EQ(table.rows[0], (Row{"training", "4", "2", "1.5", "0.75", "0.125"}));
  EXPECT_EQ(table.rows[1].back(), "0.25");
  EXPECT_EQ(table.is_number.size(), table.head.size());
  result.linear->pinball_loss.reset();
  result.linear->poisson_deviance = 0.5;
  setting.validation.reset();
  table = report::metrics_table(result, setting);
  EXPECT_EQ(table.head.back(), "Poisson deviance");
  EXPECT_EQ(table.rows[0].back(), "0.5");
  result.linear.reset();
  result.softmax = SoftmaxMetrics{0.5, 0.75, 0.1, 0.2};
  EXPECT_EQ(report::metrics_table(result, setting).rows[0],
            (Row{"training", "0.5", "0.75", "0.1", "0.2"}));
}

TEST(FitPage, CoefficientsHaveErrorsTestsAndIntervals) {
  FitOptions options;
  options.inference = true;
  const FitResult result = fit_petals(options);
  ASSERT_TRUE(result.inference.has_value());
  const Inference& inference = *result.inference;
  const report::Table table = report::inference_table(inference, result.model, 0);
  EXPECT_EQ(table.head,
            (Row{"feature", "coefficient", "standard error", "t", "P>|t|", "95 % from", "to"}));
  ASSERT_EQ(table.rows.size(), 4U);
  EXPECT_EQ(table.rows[1],
            (Row{"sepal_width", report::number_text(inference.estimates.coefficients[1]),
                 report::number_text(inference.standard_errors.coefficients[1]),
                 report::number_text(inference.statistics.coefficients[1]),
                 fmt::format("{:.3g}", inference.p_values.coefficients[1]),
                 report::number_text(inference.lower.coefficients[1]),
                 report::number_text(inference.upper.coefficients[1])}));
  EXPECT_EQ(table.rows[3][0], "(intercept)");
  EXPECT_EQ(table.rows[3][1], report::number_text(inference.estimates.intercept[0]));
  EXPECT_NE(report::inference_note(inference).find("146 degrees of freedom"), std::string::npos);
  const std::string page = page_of(result);
  EXPECT_NE(page.find("How sure the coefficients are"), std::string::npos);
  EXPECT_NE(page.find(table.rows[1][2]), std::string::npos);
  EXPECT_EQ(page_of(fit_petals({})).find("How sure the coefficients are"), std::string::npos);
}

TEST(FitPage, ClassesAreEachAgainstTheFirst) {
  Inference inference;
  inference.kind = Inference::Kind::z;
  inference.outputs = {"b", "c"};
  inference.reference = "a";
  for (CoefficientValues* values :
       {&inference.estimates, &inference.standard_errors, &inference.statistics,
        &inference.p_values, &inference.lower, &inference.upper}) {
    values->coefficients = {1.0, std::nan("")};
  }
  inference.p_values.coefficients[0] = 0.0;
  Model model;
  model.schema.columns.resize(1);
  model.schema.columns[0].name = "x";
  const report::Table first = report::inference_table(inference, model, 0);
  EXPECT_EQ(first.caption, "b against a.");
  EXPECT_EQ(first.head[3], "z");
  EXPECT_EQ(first.rows[0][4], "<1e-300");
  EXPECT_EQ(first.rows.size(), 1U) << "no intercept";
  EXPECT_EQ(report::inference_table(inference, model, 1).rows[0][1], "\xE2\x80\x94");
}

TEST(FitPage, PathsShowTheirScoresAndTheChoice) {
  FitOptions options;
  options.l2_path = {1e-4, 1e-3, 1e-2, 1e-1, 1.0};
  options.folds = 5;
  options.pick_one_standard_error = true;
  const FitResult result = fit_petals(options);
  ASSERT_TRUE(result.path.has_value());
  const PathResult& path = *result.path;
  const report::Table table = report::path_table(path);
  EXPECT_EQ(table.head, (Row{"l2", "loss on folds left out", "standard error", "training loss",
                             "degrees of freedom", ""}));
  ASSERT_EQ(table.rows.size(), 5U);
  EXPECT_EQ(table.rows[2][1], report::number_text(path.points[2].validation_loss));
  EXPECT_EQ(table.rows[2][2], report::number_text(*path.points[2].standard_error));
  EXPECT_NE(table.rows[path.best].back().find("least"), std::string::npos);
  EXPECT_NE(table.rows[path.picked].back().find("picked"), std::string::npos);
  ASSERT_NE(path.best, path.one_standard_error);
  EXPECT_EQ(table.rows[path.one_standard_error].back(), "one standard error, picked");
  const std::string chart = report::path_chart(path).dump();
  for (const char* said : {"\"one standard error, picked\"", "\"least\"", "\"degrees\"",
                           "on folds left out", "\"low\"", "\"high\""}) {
    EXPECT_NE(chart.find(said), std::string::npos) << said << chart;
  }
  EXPECT_NE(report::path_note(path).find("the largest within one standard error of the least"),
            std::string::npos);
  EXPECT_NE(page_of(result).find("Choosing the penalty"), std::string::npos);
}

}  // namespace
}  // namespace steepest::tests
