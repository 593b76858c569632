// SPDX-License-Identifier: Apache-2.0
#include "src/report/fit_tables.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace steepest::report {
namespace {

using Named = std::vector<std::pair<std::string, double>>;

Named named(const LinearMetrics& m) {
  Named all = {{"MSE", m.mse}, {"RMSE", m.rmse}, {"MAE", m.mae}, {"R\xC2\xB2", m.r2}};
  if (m.pinball_loss) {
    all.emplace_back("pinball loss", *m.pinball_loss);
  }
  if (m.poisson_deviance) {
    all.emplace_back("Poisson deviance", *m.poisson_deviance);
  }
  return all;
}

Named named(const SoftmaxMetrics& m) {
  return {
      {"log loss", m.log_loss}, {"accuracy", m.accuracy}, {"ECE", m.ece}, {"Brier score", m.brier}};
}

template <class Metrics>
void add_row(const char* rows, const std::optional<Metrics>& metrics, Table& table) {
  if (!metrics) {
    return;
  }
  std::vector<std::string> row{rows};
  table.head = {"rows"};
  for (const auto& [name, value] : named(*metrics)) {
    table.head.push_back(name);
    row.push_back(number_text(value));
  }
  table.rows.push_back(std::move(row));
}

std::string probability_text(double value) {
  return value == 0.0           ? "<1e-300"
         : std::isfinite(value) ? fmt::format("{:.3g}", value)
                                : number_text(value);
}

// Why a penalty of a path is worth a look.
std::string choice_text(const PathResult& path, std::size_t point) {
  std::vector<std::string> words;
  if (point == path.best) {
    words.emplace_back("least");
  }
  if (path.folds > 0 && point == path.one_standard_error) {
    words.emplace_back("one standard error");
  }
  if (point == path.picked) {
    words.emplace_back("picked");
  }
  if (!path.points[point].converged) {
    words.emplace_back("not converged");
  }
  return fmt::format("{}", fmt::join(words, ", "));
}

}  // namespace

Table metrics_table(const FitResult& result, const FitSetting& setting) {
  Table table;
  add_row("training", result.linear, table);
  add_row("training", result.softmax, table);
  if (setting.validation) {
    add_row("validation", setting.validation->linear, table);
    add_row("validation", setting.validation->softmax, table);
  }
  table.is_number.assign(table.head.size(), true);
  if (!table.is_number.empty()) {
    table.is_number.front() = false;
  }
  return table;
}

Table inference_table(const Inference& inference, const Model& model, std::size_t output) {
  constexpr std::size_t most_lines = 60;
  const bool t = inference.kind == Inference::Kind::t;
  const std::vector<std::string> names = model.schema.feature_names();
  const std::size_t shown = std::min(names.size(), most_lines);
  Table table;
  const std::string& which = inference.outputs[output];
  table.caption = !t ? fmt::format("{} against {}.", which, inference.reference)
                  : inference.outputs.size() > 1 ? which + "."
                                                 : "";
  if (shown < names.size()) {
    table.caption += fmt::format(" The first {} of {} features.", shown, names.size());
  }
  table.head = {"feature",   "coefficient", "standard error", t ? "t" : "z", t ? "P>|t|" : "P>|z|",
                "95 % from", "to"};
  table.is_number = {false, true, true, true, true, true, true};
  const auto add = [&](const std::string& name, const auto& of) {
    table.rows.push_back(
        {name, number_text(of(inference.estimates)), number_text(of(inference.standard_errors)),
         number_text(of(inference.statistics)), probability_text(of(inference.p_values)),
         number_text(of(inference.lower)), number_text(of(inference.upper))});
  };
  for (std::size_t j = 0; j < shown; ++j) {
    add(names[j], [&](const CoefficientValues& values) {
      return values.coefficients[output * names.size() + j];
    });
  }
  if (!inference.estimates.intercept.empty()) {
    add("(intercept)", [&](const CoefficientValues& values) { return values.intercept[output]; });
  }
  return table;
}

std::string inference_note(const Inference& inference) {
  std::string text =
      inference.kind == Inference::Kind::t
          ? fmt::format("Student's t with {:.10g} degrees of freedom", inference.degrees_of_freedom)
          : std::string("Wald tests by the standard normal");
  text += fmt::format("; condition number {}.", number_text(inference.condition_number));
  if (!inference.collinear.empty()) {
    text += fmt::format(" Columns that nearly depend on each other: {}.",
                        fmt::join(inference.collinear, ", "));
  }
  if (!inference.separated.empty()) {
    text += fmt::format(" Told from {} all but without error, so that the errors mean little: {}.",
                        inference.reference, fmt::join(inference.separated, ", "));
  }
  return text;
}

Table path_table(const PathResult& path) {
  const bool degrees = path.points.front().degrees_of_freedom.has_value();
  Table table;
  const auto column = [&table](const char* head, bool is_number) {
    table.head.emplace_back(head);
    table.is_number.push_back(is_number);
  };
  column("l2", true);
  column(path.folds > 0 ? "loss on folds left out" : "validation loss", true);
  if (path.folds > 0) {
    column("standard error", true);
  }
  column("training loss", true);
  if (degrees) {
    column("degrees of freedom", true);
  }
  column("", false);
  for (std::size_t i = 0; i < path.points.size(); ++i) {
    const PathPoint& point = path.points[i];
    std::vector<std::string> row{number_text(point.l2), number_text(point.validation_loss)};
    if (path.folds > 0) {
      row.push_back(number_text(point.standard_error.value_or(std::nan(""))));
    }
    row.push_back(number_text(point.train_loss));
    if (degrees) {
      row.push_back(number_text(point.degrees_of_freedom.value_or(std::nan(""))));
    }
    row.push_back(choice_text(path, i));
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string path_note(const PathResult& path) {
  const std::string rows =
      path.folds > 0
          ? fmt::format("{} folds, each under the models that have not seen it,", path.folds)
          : std::string("the validation rows");
  std::string text = fmt::format(
      "{} penalties were tried, {} models in {} {} that share every read. By the mean loss on {} "
      "l2 {:.5g} was picked",
      path.points.size(), path.models, path.banks, path.banks == 1 ? "bank" : "banks", rows,
      path.points[path.picked].l2);
  text += path.picked == path.best ? ", where it is least."
          : path.picked == path.one_standard_error
              ? ", the largest within one standard error of the least."
              : ".";
  return path.cut ? text + " The path was cut short: some penalties have no loss." : text;
}

}  // namespace steepest::report
