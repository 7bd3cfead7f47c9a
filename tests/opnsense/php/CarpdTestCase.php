<?php

/*
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Copyright (c) 2026, the carpd authors
 */

use OPNsense\Base\FieldTypes\ModelRelationField;
use OPNsense\Carpd\Carpd;
use OPNsense\Carpd\FieldTypes\VhidField;
use OPNsense\Core\AppConfig;
use OPNsense\Core\Backend;
use OPNsense\Core\Config;
use PHPUnit\Framework\TestCase;

/**
 * A config.xml of its own for each test.
 */
abstract class CarpdTestCase extends TestCase
{
    protected $directory;

    protected function setUp(): void
    {
        $this->directory = sys_get_temp_dir() . '/carpd-php-' . getmypid() . '-' . random_int(0, 1 << 30);
        mkdir($this->directory);
        $this->useConfig('pair.xml');
        list(Backend::$answers, Backend::$asked) = [[], []];
        $this->request('GET');
    }

    protected function tearDown(): void
    {
        $inside = new RecursiveIteratorIterator(
            new RecursiveDirectoryIterator($this->directory, FilesystemIterator::SKIP_DOTS),
            RecursiveIteratorIterator::CHILD_FIRST
        );
        foreach ($inside as $item) {
            $item->isDir() ? rmdir($item->getPathname()) : unlink($item->getPathname());
        }
        rmdir($this->directory);
    }

    protected function useConfig($name, $change = null)
    {
        $text = file_get_contents(dirname(__DIR__) . '/configs/' . $name);
        file_put_contents($this->directory . '/config.xml', $change === null ? $text : $change($text));
        (new AppConfig())->update('application.configDir', $this->directory);
        Config::getInstance()->forceReload();
        (new VhidField())->resetStaticOptions();
        self::forget();
    }

    /** What core keeps for the length of a request, of which there are many in one test. */
    protected static function forget()
    {
        $kept = [
            [ModelRelationField::class, 'internalCacheOptionList', []],
            [ModelRelationField::class, 'internalCacheModelStruct', []],
            ['OPNsense\Base\Constraints\UniqueConstraint', 'validationSequence', 0],
        ];
        foreach ($kept as list($class, $name, $value)) {
            if (class_exists($class) && property_exists($class, $name)) {
                $property = new ReflectionProperty($class, $name);
                $property->setAccessible(true);
                $property->setValue(null, $value);
            }
        }
    }

    protected function request($method, $post = [])
    {
        $_SERVER['REQUEST_METHOD'] = $method;
        $_SERVER['REQUEST_URI'] = '/api/carpd';
        $_SESSION = ['Username' => 'root'];
        list($_POST, $_REQUEST) = [$post, $post];
    }

    /** Calls an action of a new controller, as the dispatcher does. */
    protected function call($class, $action, $arguments = [], $method = 'GET', $post = [])
    {
        $this->request($method, $post);
        self::forget();
        $class = 'OPNsense\\Carpd\\Api\\' . $class . 'Controller';
        $controller = new $class();
        $controller->request = new OPNsense\Mvc\Request();
        $controller->initialize();

        return $controller->{$action . 'Action'}(...$arguments);
    }

    protected function post($class, $action, $post, $arguments = [])
    {
        return $this->call($class, $action, $arguments, 'POST', $post);
    }

    /** A service that is valid, with some of its values replaced. */
    protected static function service($values = [])
    {
        return $values + [
            'enabled' => '1',
            'name' => 'gateway',
            'follows' => '1@wan,3@lan',
            'driver' => 'rc',
            'rc_script' => 'defguard_gateway',
        ];
    }

    /** What a full validation complains about, by the last part of the field. */
    protected static function complaints(Carpd $model)
    {
        self::forget();
        $fields = [];
        foreach ($model->performValidation(true) as $message) {
            $fields[] = substr(strrchr('.' . $message->getField(), '.'), 1);
        }
        sort($fields);

        return $fields;
    }
}
