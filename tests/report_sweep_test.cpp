// SPDX-License-Identifier: Apache-2.0
// What a sweep's page says of its runs: ranks, intervals, profiles, a sentence.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "src/report/sweep_charts.hpp"
#include "src/report/sweep_page.hpp"
#include "src/report/sweep_ranking.hpp"

namespace steepest::tests {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

SweepRun run_of(const std::string& schedule, double rate, std::uint64_t seed, double regret) {
  SweepRun run;
  run.what.schedule = parse_schedule(schedule);
  run.what.schedule.learning_rate = rate;
  run.what.rate = {rate, false};
  run.what.batch_size = 10;
  run.what.seed = seed;
  run.reason = std::isfinite(regret) ? Reason::epochs : Reason::diverged;
  run.suboptimality = std::isfinite(regret) ? regret : std::nan("");
  run.final_objective = 1.0 + run.suboptimality;
  run.validation_loss = std::nan("");
  for (int step = 0; step <= 4 && std::isfinite(regret); ++step) {
    const double left = 1.0 + std::pow(regret, step / 4.0);
    run.curve.push_back({step, step * 1.0, 0.0, rate, left, std::nan(""), 100.0 * step});
  }
  run.best_objective = run.final_objective;
  return run;
}

SweepResult result_of(std::vector<SweepRun> runs) {
  SweepResult result;
  result.loss = "squared";
  result.largest_curvature = 2.0;
  result.plan.rows = 100;
  result.optimum.objective = 1.0;
  result.optimum.resolution = 1e-12;
  result.optimum.validation_loss = std::nan("");
  result.optimum.method = "closed form";
  result.runs = std::move(runs);
  return result;
}

TEST(SweepRanking, CountsAMethodByItsBestRate) {
  const SweepResult result =
      result_of({run_of("constant", 0.1, 0, 1e-2), run_of("constant", 0.1, 1, 3e-2),
                 run_of("constant", 9.0, 0, infinity), run_of("constant", 9.0, 1, 1e-9),
                 run_of("cosine", 0.1, 0, 1e-3), run_of("cosine", 0.1, 1, 2e-3)});
  const auto ranking = report::rank_methods(result);
  ASSERT_EQ(ranking.size(), 2U);
  EXPECT_NEAR(ranking[0].median, 1.5e-3, 1e-18);
  EXPECT_NEAR(ranking[1].median, 2e-2, 1e-17);  // a rate of which half diverged counts as infinite
  EXPECT_EQ(ranking[1].diverged, 1);
  EXPECT_EQ(report::method_text(ranking[0].run->what, result), "cosine");
}

TEST(SweepRanking, SaysWhyAMethodHasNoMedian) {
  const auto status = [](std::vector<SweepRun> runs) {
    const SweepResult result = result_of(std::move(runs));
    return std::string(report::rank_methods(result).front().status());
  };
  const SweepRun ended = run_of("constant", 0.1, 0, 1e-2);
  const SweepRun diverged = run_of("constant", 9.0, 0, infinity);
  SweepRun interrupted = run_of("constant", 0.5, 0, infinity);
  interrupted.reason = Reason::interrupted;
  SweepRun pruned = interrupted;
  pruned.pruned = true;
  EXPECT_EQ(status({diverged, ended}), "done");
  EXPECT_EQ(status({diverged, diverged}), "diverged");
  EXPECT_EQ(status({diverged, pruned}), "pruned");
  EXPECT_EQ(status({diverged, interrupted}), "interrupted");
  EXPECT_EQ(status({pruned, diverged, interrupted}), "interrupted");
  EXPECT_EQ(status({interrupted}), "interrupted");
  EXPECT_EQ(status({pruned}), "pruned");
  // Of two seeds at the one rate, one: half of them is no median.
  EXPECT_EQ(status({run_of("constant", 0.1, 0, 1e-2), run_of("constant", 0.1, 1, infinity)}),
            "diverged");
}

// The median of a resample of n distinct values is at most the k-th smallest when more than n / 2
// draws are: binomial tails. n = 5: P(median = min) = 0.058; n = 7: 0.0105, and 0.101 for the two
// smallest.
TEST(SweepRanking, BootstrapOfTheMedianHasItsClosedForm) {
  const auto five = report::bootstrap_median({5.0, 1.0, 4.0, 2.0, 3.0});
  EXPECT_EQ(five.low, 1.0);
  EXPECT_EQ(five.high, 5.0);
  const auto seven = report::bootstrap_median({7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0});
  EXPECT_EQ(seven.low, 2.0);
  EXPECT_EQ(seven.high, 6.0);
  const auto one = report::bootstrap_median({3.0});
  EXPECT_EQ(one.low, 3.0);
  EXPECT_EQ(one.high, 3.0);
  EXPECT_EQ(report::bootstrap_median({1.0, infinity, infinity}).high, infinity);
}

TEST(SweepRanking, QuantilesKnowInfinity) {
  EXPECT_EQ(report::quantile({1.0, 2.0, 4.0}, 0.25), 1.5);
  EXPECT_EQ(report::quantile({1.0, infinity}, 0.5), infinity);
  EXPECT_EQ(report::quantile({infinity, infinity}, 0.5), infinity);
}

TEST(SweepRanking, PerformanceProfileByHand) {
  const report::PerformanceProfile profile(
      {{1.0, 2.0}, {4.0, 1.0}, {infinity, 3.0}, {infinity, infinity}});
  EXPECT_EQ(profile.problems(), 3);
  EXPECT_DOUBLE_EQ(profile.at(0, 1.0), 1.0 / 3.0);
  EXPECT_DOUBLE_EQ(profile.at(0, 4.0), 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(profile.at(1, 1.9), 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(profile.at(1, 2.0), 1.0);
  EXPECT_DOUBLE_EQ(profile.score(0, 4.0), 3.0 / 9.0);
  EXPECT_DOUBLE_EQ(profile.score(1, 4.0), 8.0 / 9.0);
}

TEST(SweepRanking, EpochsToATarget) {
  const SweepRun run = run_of("cosine", 0.1, 0, 1e-4);  // regrets 1, 0.1, 0.01, 0.001, 0.0001
  EXPECT_EQ(report::epochs_to(run, 1.0, 0.05), 2.0);
  EXPECT_EQ(report::epochs_to(run, 1.0, 1.0), 0.0);
  EXPECT_EQ(report::epochs_to(run, 1.0, 1e-9), infinity);
}

TEST(SweepPage, ConcludesNoMoreThanItKnows) {
  const std::string apart = report::sweep_conclusion(
      result_of({run_of("constant", 0.1, 0, 1e-1), run_of("constant", 0.1, 1, 2e-1),
                 run_of("cosine", 0.1, 0, 1e-3), run_of("cosine", 0.1, 1, 2e-3)}));
  EXPECT_EQ(apart.rfind("cosine ends lowest", 0), 0U) << apart;
  EXPECT_NE(apart.find("do not overlap"), std::string::npos) << apart;
  const std::string close = report::sweep_conclusion(
      result_of({run_of("constant", 0.1, 0, 1e-3), run_of("constant", 0.1, 1, 4e-3),
                 run_of("cosine", 0.1, 0, 1e-3), run_of("cosine", 0.1, 1, 3e-3)}));
  EXPECT_NE(close.find("do not tell the two apart"), std::string::npos) << close;
  const std::string single = report::sweep_conclusion(
      result_of({run_of("constant", 0.1, 0, 1e-2), run_of("cosine", 0.1, 0, 1e-3)}));
  EXPECT_NE(single.find("may be chance"), std::string::npos) << single;
  const std::string none =
      report::sweep_conclusion(result_of({run_of("constant", 9.0, 0, infinity)}));
  EXPECT_NE(none.find("lower the learning rates"), std::string::npos) << none;
}

TEST(SweepPage, AnExplosionDoesNotFlattenWhatElseIsShown) {
  SweepRun lost = run_of("constant", 0.2, 0, infinity);
  for (const double regret : {1.0, 900.0, 1e6, 1e200}) {
    SweepPoint point;
    point.step = std::ssize(lost.curve);
    point.objective = 1.0 + regret;
    lost.curve.push_back(point);
  }
  const SweepResult result = result_of({run_of("constant", 0.1, 0, 1e-2), lost});
  const auto ranking = report::rank_methods(result);
  const report::SweepView view{result, ranking};
  EXPECT_EQ(view.first_regret(), 1.0);
  const report::Json chart = report::every_rate_chart(view);
  EXPECT_EQ(chart["series"][1]["ys"]["regret"], report::Json::parse("[1, 900, null, null]"));
  EXPECT_EQ(chart["series"][0]["ys"]["regret"].size(), 5U);
}

TEST(SweepPage, HasNoNumberThatIsNone) {
  for (const bool all_diverged : {false, true}) {
    const SweepResult result =
        result_of({run_of("constant", 0.1, 0, all_diverged ? infinity : 0.0),
                   run_of("cosine", 0.1, 0, infinity), run_of("cosine", 0.2, 0, infinity)});
    const std::string page =
        report::sweep_page(result, {"d.csv", "y", 100, 2, 4, "", 0.0, "", ""}, {});
    for (const char* const word : {"nan", "NaN,", "inf,", "[inf", ":inf"}) {
      const std::string body = page.substr(page.find("<body>"), page.rfind("<footer>"));
      EXPECT_EQ(body.substr(0, body.find("<footer>")).find(word), std::string::npos) << word;
    }
  }
}

}  // namespace
}  // namespace steepest::tests
