// SPDX-License-Identifier: Apache-2.0
#include "src/train/run_identity.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

namespace steepest::train {
namespace {

std::string text(const std::optional<double>& value) {
  return value ? fmt::format("{}", *value) : std::string("auto");
}

std::string text(bool value) { return value ? "yes" : "no"; }

std::string digest_of(const Model& model) {
  Digest digest;
  digest.add(model.coefficients);
  digest.add(model.intercept);
  return digest.text();
}

// Targets, labels and weights of rows, in their order.
void add_outcomes(const RowSource& data, Digest& digest) {
  constexpr std::int64_t block_rows = 8192;
  RowBuffer buffer;
  for (std::int64_t first = 0; first < data.rows(); first += block_rows) {
    const std::int64_t count = std::min(block_rows, data.rows() - first);
    const std::int32_t* const labels = data.labels(first, count, buffer);
    const double* const targets = labels == nullptr ? data.targets(first, count, buffer) : nullptr;
    const double* const weights = data.weights(first, count, buffer);
    for (std::int64_t i = 0; labels != nullptr && i < count; ++i) {
      digest.add(static_cast<double>(labels[i]));
    }
    for (std::int64_t i = 0; targets != nullptr && i < count * data.outputs(); ++i) {
      digest.add(targets[i]);
    }
    for (std::int64_t i = 0; weights != nullptr && i < count; ++i) {
      digest.add(weights[i]);
    }
  }
}

// Column statistics, and all targets, labels and weights in their order.
std::string digest_of(const HeldData& held) {
  Digest digest;
  digest.add(static_cast<double>(held.rows));
  digest.add(held.feature_mean);
  digest.add(held.scaling.feature_mean);
  digest.add(held.scaling.feature_scale);
  digest.add(held.scaling.target_mean);
  digest.add(held.scaling.target_scale);
  add_outcomes(*held.data, digest);
  return digest.text();
}

}  // namespace

std::string validation_digest(const RowSource& rows) {
  constexpr std::int64_t block_rows = 8192;
  Digest digest;
  add_outcomes(rows, digest);
  RowBuffer buffer;
  for (std::int64_t first = 0; first < rows.rows(); first += block_rows) {
    const std::int64_t count = std::min(block_rows, rows.rows() - first);
    const float* const values = rows.features(first, count, buffer);
    for (std::int64_t i = 0; i < count * rows.feature_count(); ++i) {
      digest.add(static_cast<double>(values[i]));
    }
  }
  return fmt::format("{} rows ({})", rows.rows(), digest.text());
}

RunIdentity problem_identity(std::string kind, const FitOptions& options, const FitPlan& plan,
                             const HeldData& held) {
  RunIdentity run;
  run.kind = std::move(kind);
  const Schema& schema = held.data->schema();
  run.options = {{"--features", fmt::format("{}", fmt::join(schema.feature_names(), ","))},
                 {"--target", fmt::format("{}", fmt::join(schema.target_names, ","))},
                 {"classes", fmt::format("{}", fmt::join(schema.classes, ","))},
                 {"--loss", to_string(plan.loss)},
                 {"--label-smoothing", fmt::format("{}", options.label_smoothing)},
                 {"--l2", fmt::format("{}", plan.l2)},
                 {"--l1", fmt::format("{}", options.l1)},
                 {"--constraint", to_string(options.constraint)},
                 {"--constant drop", text(options.drop_constant)},
                 {"--seed", fmt::format("{}", options.seed)},
                 {"--no-standardize", text(!options.standardize)},
                 {"--no-intercept", text(!options.intercept)},
                 {"--shuffle full", text(options.shuffle_rows)},
                 {"--device", std::string(name(held.device.kind))},
                 {"--precision", std::string(name(held.precision))},
                 {"--storage", std::string(name(options.storage))}};
  if (held.device.kind != DeviceKind::cpu) {  // engines agree to rounding, not to the bit
    run.options.emplace_back("--engine", std::string(name(held.backend->engine())));
  }
  run.data = digest_of(held);
  return run;
}

RunIdentity fit_identity(const FitOptions& options, const FitPlan& plan, const HeldData& held) {
  RunIdentity run = problem_identity("fit", options, plan, held);
  const std::vector<std::pair<std::string, std::string>> own = {
      {"--batch-size", fmt::format("{}", plan.batch_size)},
      {"--epochs", fmt::format("{}", plan.epochs)},  // before the schedule, whose horizon follows
      {"--clip-norm", fmt::format("{}", options.clip_norm)},
      {"--rule", to_string(plan.rule) + (plan.may_choose_rule ? " or a better one" : "")},
      {"--schedule", to_string(plan.schedule)},
      {"--learning-rate", text(options.learning_rate)},
      {"--preconditioner", text(plan.preconditioned)},
      {"--tolerance-gradient", text(options.tolerance_gradient)},
      {"--tolerance-loss", text(options.tolerance_loss)},
      {"--tolerance-step", text(options.tolerance_step)},
      {"--tolerance-gap", fmt::format("{}", options.tolerance_gap)},
      {"--l2 path", fmt::format("{}", fmt::join(options.l2_path, ","))},
      {"--folds", fmt::format("{}", options.folds)},
      {"--pick one-se", text(options.pick_one_standard_error)},
      {"--stop-on-validation",
       options.stop_on_validation ? fmt::format("{}", *options.stop_on_validation) : "no"},
      {"validation rows",
       options.validation == nullptr ? "none" : validation_digest(*options.validation)},
      {"--init", options.initial == nullptr ? "none" : digest_of(*options.initial)},
      {"--inference", text(options.inference)},
      {"--patience", options.patience ? fmt::format("{}", *options.patience) : "auto"}};
  run.options.insert(run.options.end(), own.begin(), own.end());
  return run;
}

}  // namespace steepest::train
