<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

/*
 * A stand-in for what the plugin uses of OPNsense's core: configuration, models, controllers and status. It keeps their
 * contracts, and nothing of their code. The same tests run against the real ones where a checkout is given.
 */

namespace OPNsense\Core {
    class AppConfig
    {
        public static $configDir = '/conf';

        public function update($path, $value)
        {
            self::$configDir = $value;
        }
    }

    class Config
    {
        private static $instance = null;
        private $xml;

        public static function getInstance()
        {
            return self::$instance ??= new Config();
        }

        private function __construct()
        {
            $this->forceReload();
        }

        private function file()
        {
            return AppConfig::$configDir . '/config.xml';
        }

        public function forceReload()
        {
            $this->xml = simplexml_load_file($this->file());
        }

        public function object()
        {
            return $this->xml;
        }

        public function lock($reload = true)
        {
            $this->forceReload();
            return $this;
        }

        public function unlock()
        {
            return $this;
        }

        public function save($revision = null, $backup = true)
        {
            file_put_contents($this->file(), $this->xml->asXML());
        }
    }

    class Shell
    {
    }
}

namespace OPNsense\Base\Messages {
    class Message
    {
        private $message;
        private $field;

        public function __construct($message, $field = '', $type = '')
        {
            $this->message = $message;
            $this->field = $field;
        }

        public function getField()
        {
            return $this->field;
        }

        public function getMessage()
        {
            return $this->message;
        }
    }
}

namespace OPNsense\Base {

    use OPNsense\Base\FieldTypes\ArrayField;
    use OPNsense\Base\FieldTypes\BaseField;
    use OPNsense\Base\FieldTypes\ContainerField;
    use OPNsense\Base\Messages\Message;
    use OPNsense\Core\Config;

    class UserException extends \Exception
    {
        public function __construct($message, $title = '')
        {
            parent::__construct($message);
        }
    }

    class Messages extends \ArrayObject
    {
        public function appendMessage($message)
        {
            $this[] = $message;
        }
    }

    class BaseModel
    {
        private $data;
        private $description;
        private $version;
        private $mount;
        private $current = '0.0.0';

        public function __construct()
        {
            $xml = simplexml_load_file(substr((new \ReflectionClass($this))->getFileName(), 0, -3) . 'xml');
            list($this->mount, $this->version) = [ltrim((string)$xml->mount, '/'), (string)$xml->version];
            $section = Config::getInstance()->object();
            foreach (explode('/', $this->mount) as $step) {
                $section = $section->$step ?? null;
            }
            if (isset($section['version'])) {
                $this->current = (string)$section['version'];
            }
            $this->data = new ContainerField();
            $this->fill($this->data, $xml->items, $section, '');
            $this->data->loaded();
        }

        private function fill($node, $model, $config, $path)
        {
            foreach ($model->children() as $name => $item) {
                $reference = ltrim($path . '.' . $name, '.');
                $type = (string)$item['type'];
                if ($type === 'ArrayField') {
                    $field = new ArrayField();
                    $field->__reference = $reference;
                    $field->template = new ContainerField();
                    $this->fill($field->template, $item, null, $reference);
                    $field->template->loaded();
                    foreach ($config->$name ?? [] as $entry) {
                        if ($entry->count() > 0) {
                            $container = new ContainerField();
                            $container->__reference = $reference . '.' . $entry['uuid'];
                            $container->setAttributeValue('uuid', (string)$entry['uuid']);
                            $this->fill($container, $item, $entry, $container->__reference);
                            $field->addChildNode((string)$entry['uuid'], $container);
                        }
                    }
                } elseif ($type === '') {
                    $field = new ContainerField();
                    $field->__reference = $reference;
                    $this->fill($field, $item, $config->$name ?? null, $reference);
                } else {
                    $field = $this->leaf($type, $item, $config->$name ?? null, $reference);
                }
                $node->addChildNode($name, $field);
            }
        }

        private function leaf($type, $item, $value, $reference)
        {
            $space = str_starts_with($type, '.') ? (new \ReflectionClass($this))->getNamespaceName() : __NAMESPACE__;
            $class = $space . '\\FieldTypes\\' . ltrim($type, '.\\');
            $field = new $class();
            $field->__reference = $reference;
            $field->model = $this;
            foreach ($item->children() as $option => $setting) {
                if ($option === 'Default') {
                    $field->default = (string)$setting;
                } elseif ($option === 'Required') {
                    $field->internalIsRequired = (string)$setting === 'Y';
                } elseif ($option === 'Constraints') {
                    $field->unique = (string)$setting->check001->ValidationMessage;
                } else {
                    $field->{'set' . $option}($setting->count() > 0 ? $setting : (string)$setting);
                }
            }
            $value === null ? $field->applyDefault() : $field->setValue((string)$value);

            return $field;
        }

        public function __get($name)
        {
            return $this->data->$name;
        }

        public function __set($name, $value)
        {
            $this->data->$name = $value;
        }

        public function getNodes()
        {
            return $this->data->getNodes();
        }

        public function setNodes($data)
        {
            $this->data->setNodes($data);
        }

        public function getVersion()
        {
            return $this->current;
        }

        public function getNodeByReference($reference)
        {
            $node = $this->data;
            foreach (explode('.', $reference) as $step) {
                $node = $node->$step ?? null;
            }
            return $node;
        }

        public function performValidation($validateFullModel = false)
        {
            $messages = new Messages();
            foreach ($this->data->leaves() as $field) {
                if (!$validateFullModel && !$field->isFieldChanged()) {
                    continue;
                }
                foreach ($field->getValidators() as $validator) {
                    foreach ($validator->messages($field->getValue()) as $text) {
                        $messages->appendMessage(new Message($text, $field->__reference));
                    }
                }
                if ($field->unique && $this->twice($field)) {
                    $messages->appendMessage(new Message($field->unique, $field->__reference));
                }
            }
            return $messages;
        }

        private function twice($field)
        {
            $name = substr($field->__reference, strrpos($field->__reference, '.') + 1);
            $same = 0;
            foreach ($field->parent->parent->iterateItems() as $sibling) {
                $same += (int)((string)$sibling->$name === (string)$field);
            }
            return $same > 1;
        }

        public function serializeToConfig($validateFullModel = false, $disable_validation = false)
        {
            $messages = $this->performValidation($validateFullModel);
            if (count($messages) > 0 && !$disable_validation) {
                throw new \Exception($messages[0]->getField() . ': ' . $messages[0]->getMessage());
            }
            $section = Config::getInstance()->object();
            $steps = explode('/', $this->mount);
            $last = array_pop($steps);
            foreach ($steps as $step) {
                $section = $section->$step ?? $section->addChild($step);
            }
            unset($section->$last);
            $section = $section->addChild($last);
            $section->addAttribute('version', $this->current === '0.0.0' ? $this->version : $this->current);
            $this->put($section, $this->data);
            return true;
        }

        private function put($section, $node)
        {
            foreach ($node->iterateItems() as $name => $child) {
                if ($child instanceof ArrayField) {
                    foreach ($child->iterateItems() as $uuid => $entry) {
                        $item = $section->addChild($name);
                        $item->addAttribute('uuid', $uuid);
                        $this->put($item, $entry);
                    }
                } elseif ($child->isContainer()) {
                    $this->put($section->addChild($name), $child);
                } else {
                    $section->$name = (string)$child;
                }
            }
        }

        public function runMigrations()
        {
            foreach (glob(dirname((new \ReflectionClass($this))->getFileName()) . '/Migrations/M*.php') as $file) {
                $version = str_replace('_', '.', substr(basename($file, '.php'), 1));
                if (version_compare($this->current, $version, '<')) {
                    require_once $file;
                    $class = (new \ReflectionClass($this))->getNamespaceName() . '\\Migrations\\' . basename($file, '.php');
                    (new $class())->run($this);
                    $this->current = $version;
                }
            }
            $this->current = $this->version;
            try {
                $this->serializeToConfig();
            } catch (\Exception $invalid) {
                return false;
            }
            return true;
        }
    }

    class BaseModelMigration
    {
        public function run($model)
        {
        }
    }

    class ApiControllerBase
    {
        public $request;
        public $session;
        public $response;

        public function initialize()
        {
        }

        protected function throwReadOnly()
        {
        }

        public function getUserName()
        {
            return 'root';
        }
    }

    class ApiMutableModelControllerBase extends ApiControllerBase
    {
        private $model = null;

        protected function getModel()
        {
            return $this->model ??= new static::$internalModelClass();
        }

        public function getAction()
        {
            return [static::$internalModelName => $this->getModelNodes()];
        }

        public function setAction()
        {
            $this->getModel()->setNodes($this->request->getPost(static::$internalModelName));
            return $this->stored('', static::$internalModelName . '.', false);
        }

        private function stored($reference, $prefix, $full)
        {
            $validations = [];
            foreach ($this->getModel()->performValidation($full) as $message) {
                $field = $message->getField();
                if ($reference === '' || str_starts_with($field, $reference)) {
                    $validations[$prefix . ltrim(substr($field, strlen($reference)), '.')] = $message->getMessage();
                }
            }
            if ($validations !== []) {
                return ['result' => 'failed', 'validations' => $validations];
            }
            $this->getModel()->serializeToConfig(false, true);
            Config::getInstance()->save();
            return ['result' => 'saved'];
        }

        public function searchBase($path)
        {
            $rows = [];
            foreach ($this->getModel()->getNodeByReference($path)->iterateItems() as $uuid => $node) {
                $row = ['uuid' => $uuid];
                foreach ($node->iterateItems() as $name => $field) {
                    $row[$name] = (string)$field;
                    if ($field->getDescription() !== (string)$field) {
                        $row['%' . $name] = $field->getDescription();
                    }
                }
                $rows[] = $row;
            }
            return ['total' => count($rows), 'rowCount' => count($rows), 'current' => 1, 'rows' => $rows];
        }

        public function getBase($key, $path, $uuid = null)
        {
            $list = $this->getModel()->getNodeByReference($path);
            $node = $uuid === null ? $list->add() : $list->$uuid;
            return $node === null ? [] : [$key => $node->getNodes()];
        }

        public function addBase($key, $path)
        {
            $node = $this->getModel()->getNodeByReference($path)->add();
            $node->setNodes($this->request->getPost($key));
            return $this->stored($node->__reference, $key . '.', false) + ['uuid' => $node->getAttribute('uuid')];
        }

        public function setBase($key, $path, $uuid)
        {
            $node = $this->getModel()->getNodeByReference($path . '.' . $uuid);
            $node->setNodes($this->request->getPost($key));
            return $this->stored($node->__reference, $key . '.', true);
        }

        public function delBase($path, $uuids)
        {
            $found = $this->getModel()->getNodeByReference($path)->del($uuids);
            $this->getModel()->serializeToConfig(false, true);
            Config::getInstance()->save();
            return ['result' => $found ? 'deleted' : 'not found'];
        }

        public function toggleBase($path, $uuid, $enabled = null)
        {
            $node = $this->getModel()->getNodeByReference($path . '.' . $uuid);
            $node->enabled = $enabled ?? ((string)$node->enabled === '1' ? '0' : '1');
            $this->getModel()->serializeToConfig(false, true);
            Config::getInstance()->save();
            return ['result' => (string)$node->enabled === '1' ? 'Enabled' : 'Disabled', 'changed' => true];
        }
    }

    class ApiMutableServiceControllerBase extends ApiControllerBase
    {
        protected function serviceEnabled()
        {
            $model = new static::$internalServiceClass();
            return (string)$model->getNodeByReference(static::$internalServiceEnabled) === '1';
        }

        public function statusAction()
        {
            $text = (new \OPNsense\Core\Backend())->configdRun(escapeshellarg(static::$internalServiceName) . ' status');
            if (strpos($text, 'not running') > 0) {
                return ['status' => $this->serviceEnabled() ? 'stopped' : 'disabled'];
            }
            return ['status' => strpos($text, 'is running') > 0 ? 'running' : 'unknown'];
        }
    }

    class IndexController
    {
    }
}

namespace OPNsense\System {
    class SystemStatusCode
    {
        public const ERROR = -1;
        public const WARNING = 0;
        public const NOTICE = 1;
        public const OK = 2;
    }

    class AbstractStatus
    {
        protected $internalPriority = 100;
        protected $internalPersistent = false;
        protected $internalIsBanner = false;
        protected $internalTitle = null;
        protected $internalMessage = null;
        protected $internalLocation = null;
        protected $internalStatus = SystemStatusCode::OK;
        protected $internalScope = [];

        public function getStatus()
        {
            return $this->internalStatus;
        }

        public function getMessage()
        {
            return $this->internalMessage ?? '';
        }
    }
}
