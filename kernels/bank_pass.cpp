// SPDX-License-Identifier: Apache-2.0
#include "kernels/bank_pass.hpp"

#include <algorithm>

namespace steepest::kernels {

template <class T>
void BankPass<T>::start(const PassLoss& loss,
                        std::shared_ptr<const std::vector<std::uint8_t>> folds,
                        std::vector<RowMask> masks) {
  loss_ = loss;
  folds_ = std::move(folds);
  masks_ = std::move(masks);
}

template <class T>
void BankPass<T>::run(const BankState& bank, const std::vector<std::int64_t>& models, bool reported,
                      RowFeed& feed, const RowSelection& rows, const RowSelection* next,
                      ThreadPool& pool, Partials& partials) {
  BankShape shape = bank.shape;
  shape.models = std::ssize(models);
  some_masks_.clear();
  for (std::int64_t i = 0; i < shape.models; ++i) {
    const std::int64_t k = models[static_cast<std::size_t>(i)];
    pass_.set_parameters(shape, reported ? bank.reported_of(k) : bank.parameters_of(k),
                         i * shape.outputs, shape.outputs);
    if (is_masked()) {
      some_masks_.push_back(masks_[static_cast<std::size_t>(k)]);
    }
  }
  pass_.set_masks(is_masked() ? folds_.get() : nullptr, is_masked() ? &some_masks_ : nullptr);
  if (shape.models == bank.shape.models) {
    pass_.run(loss_, feed, rows, next, pool, partials);
  } else {
    pass_.run(loss_, feed, rows, next, pool, some_);
    spread(bank.shape, models, partials);
  }
}

// From the places of a pass of these models to those of a pass of all.
template <class T>
void BankPass<T>::spread(const BankShape& shape, const std::vector<std::int64_t>& models,
                         Partials& partials) const {
  const std::int64_t each = shape.elements_per_model();
  const std::int64_t some = std::ssize(models);
  partials.partitions = some_.partitions;
  partials.gradient.resize(static_cast<std::size_t>(some_.partitions * shape.elements()));
  partials.loss.resize(static_cast<std::size_t>(some_.partitions * shape.models));
  for (std::int64_t p = 0; p < some_.partitions; ++p) {
    for (std::int64_t i = 0; i < some; ++i) {
      const std::int64_t k = models[static_cast<std::size_t>(i)];
      std::copy_n(some_.gradient.begin() + (p * some + i) * each, each,
                  partials.gradient.begin() + (p * shape.models + k) * each);
      partials.loss[static_cast<std::size_t>(p * shape.models + k)] =
          some_.loss[static_cast<std::size_t>(p * some + i)];
    }
  }
}

template class BankPass<float>;
template class BankPass<double>;

}  // namespace steepest::kernels
