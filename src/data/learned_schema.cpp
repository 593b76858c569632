// SPDX-License-Identifier: Apache-2.0
#include "src/data/learned_schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "src/data/excerpt.hpp"
#include "steepest/error.hpp"

namespace steepest::data {
namespace {

void learn_fills(const RowStore& store, const std::string& file, LearnedSchema& learned) {
  Fills fills(learned.schema.columns);
  std::vector<float> renumbered;
  store.for_each_block([&](const float* decoded, std::int64_t rows) {
    const std::int64_t floats = rows * static_cast<std::int64_t>(learned.schema.columns.size());
    renumbered.assign(decoded, decoded + floats);
    renumber(learned.encoding.positions, rows, renumbered.data());
    fills.add(renumbered.data(), rows);
  });
  fills.learn(learned.schema.columns, file);
}

void learn_classes(const ColumnPlan& plan, const RowDecoder& decoder, const std::string& file,
                   LearnedSchema& learned) {
  Dictionary::Sorted sorted = decoder.classes().sorted();
  if (sorted.levels.size() < 2) {
    Location location{file, 0, 0, plan.target_columns[0] + 1, plan.target_names[0]};
    throw InputError(location, fmt::format("the target has only one class, {}; there must be two "
                                           "at least to tell apart",
                                           quoted(sorted.levels[0])));
  }
  learned.label_rule.position = std::move(sorted.position);
  learned.schema.classes = std::move(sorted.levels);
}

// TargetKind::automatic: a single numeric target with two distinct values is a label.
void learn_two_values(const ColumnPlan& plan, const RowStore& store, LearnedSchema& learned) {
  std::vector<double> values = store.distinct_targets().values();
  if (!plan.numbers_were_assumed || plan.target_columns.size() != 1 || values.size() != 2) {
    return;
  }
  std::sort(values.begin(), values.end());
  learned.label_rule.two_values = {values[0], values[1]};
  learned.schema.classes = {shortest(values[0]), shortest(values[1])};
}

}  // namespace

LearnedSchema learn_schema(const ColumnPlan& plan, const RowDecoder& decoder, const RowStore& store,
                           const ReadOptions& options, const std::string& file,
                           const Schema* known) {
  LearnedSchema learned;
  learned.encoding.missing = options.missing;
  if (known != nullptr) {
    learned.schema = *known;
  } else {
    Schema& schema = learned.schema;
    schema.columns = plan.features;
    schema.target_names = plan.target_names;
    schema.weight_name = plan.weight_name;
    learned.encoding.positions = learn_levels(schema.columns, decoder.dictionaries(), file);
    if (options.missing == MissingPolicy::mean) {
      learn_fills(store, file, learned);
    }
    if (plan.targets_are_classes) {
      learn_classes(plan, decoder, file, learned);
    } else if (options.target_kind == TargetKind::automatic) {
      learn_two_values(plan, store, learned);
    }
  }
  learned.encoding.encodes = encodes(learned.schema.columns, options.missing);
  return learned;
}

}  // namespace steepest::data
