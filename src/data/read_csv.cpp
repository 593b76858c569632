// SPDX-License-Identifier: Apache-2.0
// The whole input into memory: decode every record, then learn levels and fills, then encode.
#include "src/data/read_csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "src/data/excerpt.hpp"
#include "src/data/feature_encoding.hpp"
#include "src/data/rejects.hpp"
#include "src/data/row_decoder.hpp"
#include "src/data/table_reader.hpp"
#include "steepest/error.hpp"

namespace steepest::data {
namespace {

ColumnPlan plan_for(const TableReader& table, const ReadOptions& options, const Schema* known) {
  return known != nullptr ? match_columns(table.names(), table.dialect().header, options, *known,
                                          /*with_targets=*/true)
                          : plan_columns(table.names(), table.sample(), options);
}

std::vector<std::string> header_hints(const ReadOptions& options, const Schema* known) {
  std::vector<std::string> names = names_in(options);
  if (known != nullptr) {
    for (const FeatureColumn& column : known->columns) {
      names.push_back(column.name);
    }
  }
  return names;
}

// One read of the input. Members are in the order in which they depend on each other.
class Reading {
 public:
  Reading(const ReadOptions& options, const ReadProgress& progress, const Schema* known,
          const ReaderLimits& limits)
      : options_(options),
        known_(known),
        table_(options, progress, limits, header_hints(options, known)),
        plan_(plan_for(table_, options, known)),
        decoder_(plan_, table_.names(), table_.sample(), options, known, /*may_skip=*/true),
        rejects_(options.rejects_path) {
    dataset_.features = FeatureMatrix(0, static_cast<std::int64_t>(plan_.features.size()));
  }

  Dataset run() {
    while (table_.next()) {
      read_record();
    }
    check_rows();
    learn_schema();
    convert_two_values();
    encode(dataset_.features, dataset_.schema.columns, options_.missing);
    dataset_.features.shrink_to_fit();
    dataset_.bytes_read = table_.bytes_read();
    return std::move(dataset_);
  }

 private:
  void read_record();
  void keep_row();
  void reject(const RowProblem& problem);
  void note_target(double value);
  void check_rows();
  void learn_schema();
  void learn_classes();
  void convert_two_values();

  const ReadOptions& options_;
  const Schema* known_;
  TableReader table_;
  ColumnPlan plan_;
  RowDecoder decoder_;
  Rejects rejects_;
  Dataset dataset_;
  std::optional<InputError> first_reject_;
  std::vector<double> distinct_targets_;  // the first three
};

void Reading::read_record() {
  if (table_.problem() != nullptr) {
    RowProblem problem = *table_.problem();
    problem.fixes.emplace_back(RowDecoder::skip_fix);
    reject(problem);
    return;
  }
  float* const row = dataset_.features.append_row();
  const RowDecoder::Outcome outcome = decoder_.decode(table_.record(), row);
  if (outcome == RowDecoder::Outcome::row) {
    keep_row();
    return;
  }
  dataset_.features.truncate(dataset_.features.rows() - 1);
  if (outcome == RowDecoder::Outcome::bad) {
    reject(decoder_.problem());
    return;
  }
  ++dataset_.rows_rejected;
  rejects_.add(decoder_.problem(), table_.reader(), table_.names());
  if (!first_reject_) {
    first_reject_ = error_of(decoder_.problem(), table_.reader(), table_.names());
  }
}

void Reading::keep_row() {
  for (const double target : decoder_.targets()) {
    dataset_.targets.push_back(target);
    note_target(target);
  }
  if (plan_.targets_are_classes && !plan_.target_columns.empty()) {
    dataset_.labels.push_back(decoder_.label());
  }
  if (plan_.weight_column >= 0) {
    dataset_.weights.push_back(decoder_.weight());
  }
}

void Reading::reject(const RowProblem& problem) {
  if (options_.bad_rows == BadRowPolicy::error || problem.of_column) {
    throw error_of(problem, table_.reader(), table_.names());
  }
  ++dataset_.rows_rejected;
  rejects_.add(problem, table_.reader(), table_.names());
  if (!first_reject_) {
    first_reject_ = error_of(problem, table_.reader(), table_.names());
  }
}

void Reading::note_target(double value) {
  if (distinct_targets_.size() < 3 && std::find(distinct_targets_.begin(), distinct_targets_.end(),
                                                value) == distinct_targets_.end()) {
    distinct_targets_.push_back(value);
  }
}

// Every record of the input is a row or was rejected; some row is left; the weights are usable.
void Reading::check_rows() {
  if (dataset_.rows() + dataset_.rows_rejected != table_.records()) {
    throw std::logic_error(fmt::format("the reader lost rows: {} read, {} kept, {} rejected",
                                       table_.records(), dataset_.rows(), dataset_.rows_rejected));
  }
  if (table_.records() == 0) {
    table_.throw_no_rows();
  }
  rejects_.finish();
  if (dataset_.rows() == 0) {
    throw InputError(Location{table_.names().file()},
                     fmt::format("all {} rows were skipped; the first one: {}",
                                 grouped(table_.records()), first_reject_->what()));
  }
  if (!dataset_.weights.empty() && std::none_of(dataset_.weights.begin(), dataset_.weights.end(),
                                                [](double weight) { return weight > 0.0; })) {
    Location location{table_.names().file(), 0, 0, plan_.weight_column + 1, plan_.weight_name};
    throw InputError(location, "all weights are zero: at least one must be positive");
  }
}

void Reading::learn_schema() {
  if (known_ != nullptr) {
    dataset_.schema = *known_;
    return;
  }
  Schema& schema = dataset_.schema;
  schema.columns = plan_.features;
  schema.target_names = plan_.target_names;
  schema.weight_name = plan_.weight_name;
  const std::string& file = table_.names().file();
  learn_levels(dataset_.features, schema.columns, decoder_.dictionaries(), file);
  if (options_.missing == MissingPolicy::mean) {
    learn_fills(dataset_.features, schema.columns, file);
  }
  if (plan_.targets_are_classes) {
    learn_classes();
  }
}

void Reading::learn_classes() {
  Dictionary::Sorted sorted = decoder_.classes().sorted();
  if (sorted.levels.size() < 2) {
    Location location{table_.names().file(), 0, 0, plan_.target_columns[0] + 1,
                      plan_.target_names[0]};
    throw InputError(location, fmt::format("the target has only one class, {}; there must be two "
                                           "at least to tell apart",
                                           quoted(sorted.levels[0])));
  }
  for (std::int32_t& label : dataset_.labels) {
    label = sorted.position[static_cast<std::size_t>(label)];
  }
  dataset_.schema.classes = std::move(sorted.levels);
}

// TargetKind::automatic: a single numeric target with two distinct values is a label.
void Reading::convert_two_values() {
  const bool decides = known_ == nullptr && options_.target_kind == TargetKind::automatic &&
                       plan_.numbers_were_assumed && plan_.target_columns.size() == 1;
  if (!decides || distinct_targets_.size() != 2) {
    return;
  }
  std::sort(distinct_targets_.begin(), distinct_targets_.end());
  for (const double target : dataset_.targets) {
    dataset_.labels.push_back(target == distinct_targets_[1] ? 1 : 0);
  }
  dataset_.schema.classes = {shortest(distinct_targets_[0]), shortest(distinct_targets_[1])};
  dataset_.targets = {};
}

}  // namespace

void check_options(const ReadOptions& options) {
  if (!options.rejects_path.empty() && options.bad_rows == BadRowPolicy::error &&
      options.missing != MissingPolicy::drop) {
    throw OptionError(
        "--rejects needs rows that are skipped: add --on-bad-row skip or "
        "--missing drop");
  }
}

Dataset read_csv(const ReadOptions& options, const ReadProgress& progress, const Schema* known,
                 const ReaderLimits& limits) {
  const auto start = std::chrono::steady_clock::now();
  check_options(options);
  Dataset dataset = Reading(options, progress, known, limits).run();
  dataset.read_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return dataset;
}

}  // namespace steepest::data

namespace steepest {

Dataset read_dataset(const ReadOptions& options, const ReadProgress& progress,
                     const Schema* known) {
  return data::read_csv(options, progress, known, data::ReaderLimits{});
}

}  // namespace steepest
