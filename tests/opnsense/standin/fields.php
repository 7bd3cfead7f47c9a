<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

/*
 * A stand-in for OPNsense's model fields: what the plugin's model uses of them, and no more. The same tests run against the
 * real ones where a checkout of OPNsense's core is given.
 */

namespace OPNsense\Base\Validators {
    class CallbackValidator
    {
        private $options;

        public function __construct($options)
        {
            $this->options = $options;
        }

        public function messages($value)
        {
            return ($this->options['callback'])($value);
        }
    }
}

namespace OPNsense\Base\FieldTypes {

    use OPNsense\Base\Validators\CallbackValidator;

    class BaseField
    {
        public $__reference = '';
        public $internalIsRequired = false;
        public $default = '';
        public $parent = null;
        public $model = null;
        public $unique = false;
        protected $children = [];
        protected $attributes = [];
        protected $internalValue = '';
        protected $internalInitialValue = false;
        protected $validationMessage = null;

        public function __get($name)
        {
            return $this->children[$name] ?? null;
        }

        public function __isset($name)
        {
            return isset($this->children[$name]);
        }

        public function __set($name, $value)
        {
            $this->children[$name]->setValue($value);
        }

        public function __toString()
        {
            return $this->internalValue;
        }

        public function __clone()
        {
            foreach ($this->children as $name => $child) {
                $this->children[$name] = clone $child;
                $this->children[$name]->parent = $this;
            }
        }

        public function addChildNode($name, $node)
        {
            $this->children[$name] = $node;
            $node->parent = $this;
        }

        public function del($name)
        {
            $found = isset($this->children[$name]);
            unset($this->children[$name]);
            return $found;
        }

        public function iterateItems()
        {
            yield from $this->children;
        }

        public function isContainer()
        {
            return $this->children !== [] || $this instanceof ArrayField;
        }

        public function leaves()
        {
            if (!$this->isContainer()) {
                yield $this;
            }
            foreach ($this->children as $child) {
                yield from $child->leaves();
            }
        }

        public function rename($reference)
        {
            $this->__reference = $reference;
            foreach ($this->children as $name => $child) {
                $child->rename($reference . '.' . $name);
            }
        }

        public function getValue()
        {
            return $this->internalValue;
        }

        public function getValues()
        {
            return array_values(array_filter(explode(',', $this->internalValue), 'strlen'));
        }

        public function setValue($value)
        {
            $this->internalValue = (string)$value;
        }

        public function loaded()
        {
            $this->internalInitialValue = $this->internalValue;
            foreach ($this->children as $child) {
                $child->loaded();
            }
            $this->actionPostLoadingEvent();
        }

        protected function actionPostLoadingEvent()
        {
        }

        public function setChanged()
        {
            $this->internalInitialValue = true;
        }

        public function isFieldChanged()
        {
            foreach ($this->children as $child) {
                if ($child->isFieldChanged()) {
                    return true;
                }
            }
            return !$this->isContainer() && $this->internalInitialValue !== $this->internalValue;
        }

        public function isSet()
        {
            return $this->internalValue !== '';
        }

        public function isRequired()
        {
            return $this->internalIsRequired;
        }

        public function applyDefault()
        {
            $this->internalValue = $this->default;
        }

        public function setAttributeValue($key, $value)
        {
            $this->attributes[$key] = $value;
        }

        public function getAttribute($key)
        {
            return $this->attributes[$key] ?? null;
        }

        public function getAttributes()
        {
            return $this->attributes;
        }

        public function setValidationMessage($text)
        {
            $this->validationMessage = $text;
        }

        public function getValidationMessage()
        {
            return $this->validationMessage ?? 'does not validate';
        }

        public function getNodeData()
        {
            return $this->internalValue;
        }

        public function getDescription()
        {
            return $this->internalValue;
        }

        public function getNodes()
        {
            $nodes = [];
            foreach ($this->children as $name => $child) {
                $nodes[$name] = $child->isContainer() ? $child->getNodes() : $child->getNodeData();
            }
            return $nodes;
        }

        public function setNodes($data)
        {
            foreach ($this->children as $name => $child) {
                if (isset($data[$name])) {
                    $child->isContainer() ? $child->setNodes($data[$name]) : $child->setValue($data[$name]);
                }
            }
        }

        public function getValidators()
        {
            if ($this->internalIsRequired && !$this->isSet()) {
                return [new CallbackValidator(['callback' => fn() => ['A value is required.']])];
            }
            return [];
        }

        protected function judgedBy($judge)
        {
            $validators = $this->isSet() ? [new CallbackValidator(['callback' => $judge])] : [];
            return array_merge(self::getValidators(), $validators);
        }

        protected function complaintUnless($good)
        {
            return $good ? [] : [$this->getValidationMessage()];
        }
    }

    class ContainerField extends BaseField
    {
        public function isContainer()
        {
            return true;
        }
    }

    class ArrayField extends BaseField
    {
        public $template;

        public function add()
        {
            $uuid = sprintf('%08x-0000-4000-8000-%012x', random_int(0, 0xffffffff), random_int(0, 0xffffffff));
            $node = clone $this->template;
            $node->setAttributeValue('uuid', $uuid);
            $this->addChildNode($uuid, $node);
            $node->rename($this->__reference . '.' . $uuid);
            foreach ($node->leaves() as $leaf) {
                $leaf->applyDefault();
                $leaf->setChanged();
            }
            return $node;
        }
    }

    class TextField extends BaseField
    {
        protected $mask = null;

        public function setMask($mask)
        {
            $this->mask = $mask;
        }

        public function getValidators()
        {
            return $this->judgedBy(fn($value) => $this->complaintUnless(
                $this->mask === null || preg_match($this->mask, $value, $match) && $match[0] === $value
            ));
        }
    }

    class DescriptionField extends TextField
    {
        protected $mask = '/^.{0,255}$/u';
    }

    class CSVListField extends TextField
    {
        public function setMaskPerItem($value)
        {
        }

        public function getNodeData()
        {
            return array_map(fn($value) => ['value' => $value, 'selected' => 1], array_combine($this->getValues(), $this->getValues()));
        }

        public function getValidators()
        {
            return $this->judgedBy(fn() => $this->complaintUnless(
                count($this->getValues()) === count(preg_grep($this->mask, $this->getValues()))
            ));
        }
    }

    class IntegerField extends BaseField
    {
        private $limits = [PHP_INT_MIN, PHP_INT_MAX];

        public function setMinimumValue($value)
        {
            $this->limits[0] = (int)$value;
        }

        public function setMaximumValue($value)
        {
            $this->limits[1] = (int)$value;
        }

        public function getValidators()
        {
            return $this->judgedBy(fn($value) => $this->complaintUnless(
                preg_match('/^-?\d+$/D', $value) && $value >= $this->limits[0] && $value <= $this->limits[1]
            ));
        }
    }

    class BooleanField extends BaseField
    {
        public function getValidators()
        {
            return $this->judgedBy(fn($value) => $this->complaintUnless(in_array($value, ['0', '1'], true)));
        }
    }

    class BaseListField extends BaseField
    {
        protected $internalOptionList = [];
        private $multiple = false;
        private static $cache = [];

        protected function hasStaticOptions(?string $hash = null): bool
        {
            return !empty(self::$cache[static::class][$hash]);
        }

        protected function getStaticOptions(?string $hash = null): array
        {
            return self::$cache[static::class][$hash] ?? [];
        }

        protected function setStaticOptions(array $data, ?string $hash = null)
        {
            return self::$cache[static::class][$hash] = $data;
        }

        public function resetStaticOptions(?string $hash = null)
        {
            return self::$cache[static::class] = [];
        }

        public function setMultiple($value)
        {
            $this->multiple = $value === 'Y';
        }

        public function setBlankDesc($value)
        {
        }

        public function getNodeData()
        {
            $result = $this->multiple || $this->internalIsRequired ? [] : ['' => ['value' => 'None', 'selected' => (int)!$this->isSet()]];
            foreach ($this->internalOptionList as $key => $value) {
                $result[$key] = ['value' => $value, 'selected' => (int)in_array($key, explode(',', $this->internalValue))];
            }
            return $result;
        }

        public function getDescription()
        {
            return implode(', ', array_map(fn($key) => $this->internalOptionList[$key] ?? $key, $this->getValues()));
        }

        public function getValidators()
        {
            return $this->judgedBy(fn() => $this->complaintUnless(
                array_diff($this->getValues(), array_map('strval', array_keys($this->internalOptionList))) === []
            ));
        }
    }

    class OptionField extends BaseListField
    {
        public function setOptionValues($options)
        {
            foreach ($options->children() as $option) {
                $this->internalOptionList[$option->getName()] = (string)$option;
            }
        }
    }

    class ModelRelationField extends BaseListField
    {
        public function setModel($model)
        {
        }

        public function getValidators()
        {
            $this->internalOptionList = [];
            foreach ($this->model->services->service->iterateItems() as $uuid => $service) {
                $this->internalOptionList[$uuid] = (string)$service->name;
            }
            return parent::getValidators();
        }
    }
}
