// SPDX-License-Identifier: Apache-2.0
#include "src/report/fit_page.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "src/report/fit_charts.hpp"
#include "src/report/fit_tables.hpp"
#include "src/report/reliability.hpp"

namespace steepest::report {
namespace {

std::string verdict(const FitResult& result) {
  const Reason reason = result.termination.reason;
  const char* word = result.termination.converged()  ? "Converged"
                     : reason == Reason::diverged    ? "Diverged"
                     : reason == Reason::interrupted ? "Interrupted"
                                                     : "Stopped, not converged";
  return fmt::format("{}: {}.", word, result.termination.inequality);
}

std::string certificate(const FitResult& result) {
  return result.gap_bound
             ? fmt::format(
                   "The optimum is at most {:.3g} below this objective: a proof, not an "
                   "estimate.",
                   *result.gap_bound)
             : "How far the optimum is, is not bounded: " + result.gap_note + ".";
}

void add_path(Page& page, const PathResult& path) {
  page.section("Choosing the penalty");
  page.paragraph(path_note(path));
  page.begin_charts();
  page.chart("Loss against the penalty", path_chart(path),
             path.folds > 0 ? "The band is one standard error, from how folds differ." : "");
  page.end_charts();
  page.table(path_table(path));
}

void add_inference(Page& page, const Inference& inference, const Model& model) {
  page.section("How sure the coefficients are");
  for (std::size_t o = 0; o < inference.outputs.size(); ++o) {
    page.table(inference_table(inference, model, o));
  }
  page.note(inference_note(inference));
}

// Classes shown in a table of confusions: those that take part in most errors, in class order.
std::vector<std::size_t> confused(const std::vector<double>& counts, std::size_t classes) {
  constexpr std::size_t most = 20;
  std::vector<double> errors(classes, 0.0);
  for (std::size_t i = 0; i < classes; ++i) {
    for (std::size_t j = 0; j < classes; ++j) {
      if (i != j) {
        errors[i] += counts[i * classes + j];
        errors[j] += counts[i * classes + j];
      }
    }
  }
  std::vector<std::size_t> order(classes);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return errors[a] > errors[b]; });
  order.resize(std::min(classes, most));
  std::sort(order.begin(), order.end());
  return order;
}

void add_confusion(Page& page, const std::vector<std::string>& names,
                   const std::vector<double>& counts) {
  const std::size_t classes = names.size();
  const std::vector<std::size_t> shown = confused(counts, classes);
  std::vector<std::string> shown_names;
  std::vector<double> shown_counts;
  for (const std::size_t i : shown) {
    shown_names.push_back(names[i]);
    for (const std::size_t j : shown) {
      shown_counts.push_back(counts[i * classes + j]);
    }
  }
  page.heat_table(
      shown.size() < classes
          ? fmt::format("Labels down, predictions across; the {} of {} classes with most errors.",
                        shown.size(), classes)
          : "Labels down, predictions across; rows are shaded by their shares.",
      shown_names, shown_counts);
}

void add_diagnostics(Page& page, const FitResult& result, const Diagnostics& found,
                     std::string_view rows) {
  const std::vector<std::string>& names = result.model.output_names();
  if (!found.confusion.empty()) {
    page.section(fmt::format("Confusion of {}", rows));
    add_confusion(page, names, found.confusion);
    page.section(fmt::format("Confidence on {}", rows));
    page.begin_charts();
    page.chart("Reliability", reliability_chart(found.confidence),
               "Where bars end on the diagonal, a probability is what it says.");
    page.chart("Confidence", confidence_chart(found.confidence));
    page.end_charts();
    return;
  }
  page.section(fmt::format("Predictions on {}", rows));
  page.begin_charts();
  for (std::size_t o = 0; o < found.outputs.size(); ++o) {
    const std::string which = names.size() > 1 ? ": " + names[o] : "";
    page.chart("Prediction against target" + which, prediction_chart(found.outputs[o]),
               "Shades count rows, by their logarithm.");
    page.chart("Residuals" + which, residual_chart(found.outputs[o]),
               "A thousandth of the rows at either end is left out.");
  }
  page.end_charts();
  if (found.outputs.size() < names.size()) {
    page.note(fmt::format("The first {} of {} targets.", found.outputs.size(), names.size()));
  }
}

void add_method(Page& page, const FitResult& result, const FitSetting& setting) {
  const Model& model = result.model;
  page.section("What was run");
  page.facts(
      {{"data", fmt::format("{}: {} rows, {} features", setting.data, count_text(setting.rows),
                            count_text(model.features()))},
       {"model", fmt::format("{}, {} loss{}, {}, target {}", name(model.kind), model.loss,
                             model.label_smoothing > 0.0
                                 ? fmt::format(" of labels smoothed by {:g}", model.label_smoothing)
                                 : "",
                             penalty_text(model), setting.target)},
       {"method", fmt::format("{}{}, {}, learning rate {:.4g}, {}", to_string(result.rule),
                              result.preconditioned ? ", preconditioned by second moments" : "",
                              to_string(result.schedule), result.schedule.learning_rate,
                              result.batch_size >= setting.rows
                                  ? std::string("full batch")
                                  : fmt::format("batches of {} rows", result.batch_size))},
       {"arithmetic", std::string(name(result.precision))},
       {"objective", fmt::format("{:.9g} = mean loss {:.9g} + penalty {:.6g}",
                                 result.at.objective(), result.at.mean_loss, result.at.penalty)},
       {"effort",
        fmt::format("{} steps, {:.6g} epochs; {:.2f} s to read, {:.2f} s to fit", result.steps,
                    result.epochs, setting.read_seconds, result.train_seconds)}});
}

}  // namespace

std::string fit_page(const FitResult& result, const FitSetting& setting, const RunFacts& facts) {
  const Model& model = result.model;
  const bool diverged = result.termination.reason == Reason::diverged;
  Page page(fmt::format("{} regression of {}",
                        model.kind == ModelKind::linear ? "Linear" : "Softmax", setting.target),
            fmt::format("{}: {} rows, {} features", setting.data, count_text(setting.rows),
                        count_text(model.features())));
  page.lead(verdict(result) + " " + certificate(result), result.termination.converged() ? "good"
                                                         : diverged                     ? "bad"
                                                                                        : "");
  if (!diverged) {
    page.section("How good it is");
    page.table(metrics_table(result, setting));
  }
  if (result.path) {
    add_path(page, *result.path);
  }
  if (!result.history.empty()) {
    page.section("The way down");
    page.begin_charts();
    page.chart("Objective", objective_chart(result));
    page.chart("Largest derivative", gradient_chart(result));
    page.end_charts();
  }
  if (!diverged) {
    if (setting.validation && setting.validation->diagnostics) {
      add_diagnostics(page, result, *setting.validation->diagnostics, "the validation rows");
    } else if (result.diagnostics) {
      add_diagnostics(page, result, *result.diagnostics, "the training rows");
    }
    page.section("Coefficients");
    page.begin_charts();
    page.chart(
        "What moves a prediction most", coefficient_chart(model),
        model.features() > 25
            ? fmt::format("The largest 25 of {}; the model file has them all.", model.features())
            : "");
    page.end_charts();
    if (result.inference) {
      add_inference(page, *result.inference, model);
    }
  }
  add_method(page, result, setting);
  return page.html(facts);
}

}  // namespace steepest::report
