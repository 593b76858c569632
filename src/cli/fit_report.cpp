// SPDX-License-Identifier: Apache-2.0
#include "src/cli/fit_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "src/cli/checkpoint_options.hpp"
#include "src/cli/inference_report.hpp"
#include "src/cli/path_report.hpp"
#include "src/cli/progress_bar.hpp"
#include "steepest/output_file.hpp"
#include "steepest/version.hpp"

namespace steepest::cli {
namespace {

Metrics training_metrics(const FitResult& result) {
  return {result.linear, result.softmax, {}, {}};
}

Json json_rows(const std::vector<double>& values, std::int64_t columns) {
  Json rows = Json::array();
  for (auto row = values.begin(); row != values.end(); row += columns) {
    rows.push_back(Json(std::vector<double>(row, row + columns)));
  }
  return rows;
}

void line(std::string_view label, const std::string& text) {
  fmt::print("{:<13}{}\n", label, text);
}

std::string shape_text(const FitRun& run) {
  const Model& model = run.result.model;
  const std::int64_t columns = static_cast<std::int64_t>(model.schema.columns.size());
  std::string text =
      fmt::format("{} rows, {} features", format_count(run.rows), format_count(model.features()));
  if (columns != model.features()) {
    text += fmt::format(" from {} columns", format_count(columns));
  }
  if (run.rows_rejected > 0) {
    text += fmt::format(", {} rows left out", format_count(run.rows_rejected));
  }
  return text + fmt::format("; {} read in {:.2f} s{}",
                            format_bytes(static_cast<double>(run.bytes_read)), run.read_seconds,
                            run.streamed ? ", kept in files" : "");
}

std::string class_weights_text(const FitRun& run) {
  constexpr std::size_t shown = 6;
  const std::vector<std::string>& classes = run.result.model.schema.classes;
  std::string text;
  for (std::size_t c = 0; c < std::min(shown, classes.size()); ++c) {
    text += fmt::format("{}{} {:.6g}", c == 0 ? "" : "   ", classes[c], run.class_weights[c]);
  }
  return text + (classes.size() > shown ? "   ..." : "") + "   (of classes, times the rows')";
}

std::string verdict_text(const FitResult& result) {
  const bool converged = result.termination.converged();
  const Reason reason = result.termination.reason;
  const char* word = converged                       ? "converged"
                     : reason == Reason::diverged    ? "DIVERGED"
                     : reason == Reason::interrupted ? "interrupted"
                                                     : "stopped, not converged";
  return fmt::format("{}: {}", word, result.termination.inequality);
}

std::int64_t nonzero_coefficients(const Model& model) {
  return std::count_if(model.coefficients.begin(), model.coefficients.end(),
                       [](double coefficient) { return coefficient != 0.0; });
}

// "l2 0.001, l1 0.1, nonnegative"
// The coefficients that move a prediction most: |coefficient| times the deviation of its feature.
void print_coefficients(const Model& model) {
  constexpr std::size_t shown = 12;
  const std::vector<std::string> names = model.schema.feature_names();
  const std::int64_t width = model.features();
  std::vector<std::int64_t> order(names.size());
  std::iota(order.begin(), order.end(), 0);
  const auto effect = [&](std::int64_t j) {
    return std::fabs(model.coefficients[static_cast<std::size_t>(j)] *
                     model.feature_scale[static_cast<std::size_t>(j)]);
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int64_t a, std::int64_t b) { return effect(a) > effect(b); });
  order.resize(std::min(order.size(), shown));
  std::size_t longest = std::string_view("(intercept)").size();
  for (const std::int64_t j : order) {
    longest = std::max(longest, names[static_cast<std::size_t>(j)].size());
  }
  fmt::print("\n{:<{}}  {:>14}  {:>14}\n", "feature", longest, "coefficient", "per deviation");
  for (const std::int64_t j : order) {
    const auto index = static_cast<std::size_t>(j);
    fmt::print("{:<{}}  {:>14.6g}  {:>14.6g}\n", names[index], longest, model.coefficients[index],
               model.coefficients[index] * model.feature_scale[index]);
  }
  if (static_cast<std::int64_t>(order.size()) < width) {
    fmt::print("{:<{}}  ({} more in the model file)\n", "...", longest,
               width - static_cast<std::int64_t>(order.size()));
  }
  fmt::print("{:<{}}  {:>14.6g}\n", "(intercept)", longest, model.intercept.front());
}

}  // namespace

std::string target_note(const RowSource& data, bool automatic) {
  if (!automatic) {
    return "";
  }
  if (data.classifies()) {
    return fmt::format("the target has {} classes; --model linear to fit it as a number",
                       data.outputs());
  }
  constexpr std::size_t most_classes = 20;
  constexpr std::int64_t block_rows = 8192;
  std::set<double> distinct;
  bool like_classes = data.outputs() == 1;
  double last = std::numeric_limits<double>::quiet_NaN();
  RowBuffer buffer;
  for (std::int64_t first = 0; like_classes && first < data.rows(); first += block_rows) {
    const std::int64_t count = std::min(block_rows, data.rows() - first);
    const double* const targets = data.targets(first, count, buffer);
    for (std::int64_t i = 0; like_classes && i < count; ++i) {
      if (targets[i] != last) {
        last = targets[i];
        distinct.insert(last);
        like_classes = distinct.size() <= most_classes && last == std::floor(last);
      }
    }
  }
  if (like_classes) {
    return fmt::format(
        "the target is numeric, with {} distinct whole values; --model softmax if "
        "they are classes",
        distinct.size());
  }
  return "the target is numeric";
}

Json fit_json(const FitRun& run) {
  const FitResult& result = run.result;
  const Model& model = result.model;
  Json json{{"command", "fit"}, {"version", version}, {"device", to_json(result.device)}};
  json["data"] = {{"rows", run.rows},
                  {"rows_rejected", run.rows_rejected},
                  {"features", model.features()},
                  {"outputs", model.outputs()},
                  {"bytes_read", run.bytes_read},
                  {"streamed", run.streamed}};
  json["model"] = {{"kind", name(model.kind)},
                   {"features", model.schema.feature_names()},
                   {"outputs", model.output_names()},
                   {"coefficients", json_rows(model.coefficients, model.features())},
                   {"intercept", model.intercept},
                   {"loss", model.loss},
                   {"l2", model.l2},
                   {"l1", model.l1},
                   {"constraint", model.constraint},
                   {"nonzero_coefficients", nonzero_coefficients(model)}};
  if (model.label_smoothing > 0.0) {
    json["model"]["label_smoothing"] = model.label_smoothing;
  }
  for (std::size_t c = 0; c < run.class_weights.size(); ++c) {
    json["data"]["class_weights"][model.schema.classes[c]] = run.class_weights[c];
  }
  json["objective"] = {{"mean_loss", json_number(result.at.mean_loss)},
                       {"penalty", json_number(result.at.penalty)},
                       {"total", json_number(result.at.objective())},
                       {"l2", model.l2},
                       {"l1", model.l1}};
  json["termination"] = {
      {"reason", name(result.termination.reason)},
      {"converged", result.termination.converged()},
      {"inequality", result.termination.inequality},
      {"gradient_max_norm", json_number(result.at.gradient_max_norm)},
      {"gap_bound", result.gap_bound ? json_number(*result.gap_bound) : Json(nullptr)}};
  if (!result.gap_bound) {
    json["termination"]["gap_note"] = result.gap_note;
  }
  json["steps"] = result.steps;
  json["epochs"] = result.epochs;
  json["seconds"] = {
      {"total", run.total_seconds}, {"read", run.read_seconds}, {"train", result.train_seconds}};
  json["metrics"] = {{"train", to_json(training_metrics(result))},
                     {"validation", run.validation ? to_json(*run.validation) : Json(nullptr)}};
  json["method"] = {{"rule", to_string(result.rule)},
                    {"schedule", to_string(result.schedule)},
                    {"learning_rate", result.schedule.learning_rate},
                    {"preconditioner", result.preconditioned ? "second-moment" : "none"},
                    {"steps_on", result.normal_equations ? "second-moments" : "rows"},
                    {"curvature_bound", result.largest_curvature},
                    {"batch_size", result.batch_size},
                    {"precision", name(result.precision)},
                    {"storage", name(result.storage)},
                    {"engine", engine_json(result.engine)},
                    {"tolerance_gradient", result.tolerances.gradient}};
  json["checkpoint"] = checkpoint_json(run.checkpoint, {result.resumed_from, result.resumable});
  json["inference"] = result.inference ? inference_json(*result.inference) : Json(nullptr);
  json["path"] = result.path ? path_json(*result.path) : Json(nullptr);
  json["warnings"] = result.warnings;
  return json;
}

void print_fit(const FitRun& run) {
  const FitResult& result = run.result;
  const Model& model = result.model;
  line("data", fmt::format("{}: {}", fmt::join(run.paths, " "), shape_text(run)));
  line("model", fmt::format("{}, {} loss{}, {}, target {}{}", name(model.kind), model.loss,
                            model.label_smoothing > 0.0
                                ? fmt::format(" of labels smoothed by {:g}", model.label_smoothing)
                                : "",
                            penalty_text(model), fmt::join(model.schema.target_names, ","),
                            run.target_note.empty() ? "" : " (" + run.target_note + ")"));
  if (!run.class_weights.empty()) {
    line("weights", class_weights_text(run));
  }
  line("device", fmt::format("{}: {}, {}{}{}", name(result.device.kind), result.device.name,
                             name(result.precision), engine_text(result.engine),
                             result.storage == Storage::float32
                                 ? ""
                                 : fmt::format(", features as {}", name(result.storage))));
  line("method",
       fmt::format(
           "{}{}, {}, learning rate {:.4g}, {}", to_string(result.rule),
           result.preconditioned ? ", preconditioned by second moments" : "",
           to_string(result.schedule), result.schedule.learning_rate,
           result.batch_size == run.rows
               ? (result.normal_equations ? "full batch by its second moments" : "full batch")
               : fmt::format("batches of {} rows", format_count(result.batch_size))));
  line("result", verdict_text(result));
  line("", fmt::format("steps {}, epochs {:.6g}, {:.2f} s", format_count(result.steps),
                       result.epochs, result.train_seconds));
  line("optimum", result.gap_bound
                      ? fmt::format("at most {:.3g} below this objective", *result.gap_bound)
                      : "not bounded: " + result.gap_note);
  const bool is_known = is_finite(result.at.objective());
  line("objective", is_known
                        ? fmt::format("{:.9g} = mean loss {:.9g} + penalty {:.6g}",
                                      result.at.objective(), result.at.mean_loss, result.at.penalty)
                        : "not finite");
  if (model.l1 > 0.0 || model.constraint != "none") {
    const bool has_reference = model.loss == name(RowLoss(LogisticLoss{}));
    line("coefficients",
         fmt::format("{} of {} are not 0", format_count(nonzero_coefficients(model)),
                     format_count((model.outputs() - (has_reference ? 1 : 0)) * model.features())));
  }
  if (is_known) {
    line("training", to_text(training_metrics(result)));
  }
  if (run.validation) {
    line("validation", to_text(*run.validation));
  }
  if (!run.model_path.empty()) {
    line("saved", run.model_path);
  } else if (result.termination.reason == Reason::diverged) {
    line("saved", "nothing: the run diverged; leave --learning-rate to auto, or lower it");
  }
  print_checkpoint(run.checkpoint, {result.resumed_from, result.resumable},
                   result.termination.reason == Reason::interrupted ||
                       result.termination.reason == Reason::seconds);
  if (result.path) {
    print_path(*result.path);
  }
  if (result.inference) {
    print_inference(*result.inference, model);
  } else if (model.kind == ModelKind::linear && model.outputs() == 1) {
    print_coefficients(model);
  }
}

void write_history(const FitResult& result, const std::string& path) {
  OutputFile file(path);
  const bool validated =
      std::any_of(result.history.begin(), result.history.end(),
                  [](const HistoryPoint& point) { return std::isfinite(point.validation_loss); });
  file.write("step,epoch,seconds,learning_rate,mean_loss,penalty,objective,gradient_max_norm");
  file.write(validated ? ",validation_loss\n" : "\n");
  for (const HistoryPoint& point : result.history) {
    file.write(fmt::format("{},{},{},{},{},{},{},{}", point.step, point.epoch, point.seconds,
                           point.learning_rate, point.mean_loss, point.penalty,
                           point.mean_loss + point.penalty, point.gradient_max_norm));
    if (validated) {
      file.write(std::isfinite(point.validation_loss) ? fmt::format(",{}", point.validation_loss)
                                                      : ",");
    }
    file.write("\n");
  }
  file.commit();
}

}  // namespace steepest::cli
